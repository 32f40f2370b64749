/*
 * Changes of real HAProxy, and of peers that behave worse.
 */
#include "haproxy_fixture.h"

#include "pools/haproxy_change.h"
#include "value/json.h"

enum { ANSWER_MS = 10000, SOON_MS = 200 };

#define AS_STARTED "sql1 ready, sql3 maint, chat1 ready, chat2 maint"
#define ELSEWHERE                                                                                  \
    "{'rw/sql1':['ready'],'rw/sql3':['maint']}", "{'rw/sql1':['maint'],'rw/sql3':['ready']}"

static struct bsc_value *parse(const char *text)
{
    struct bsc_err err = BSC_ERR_INIT;
    char *json = bsc_mem_text(text);
    for (char *c = json; *c != '\0'; c++)
        *c = *c == '\'' ? '"' : *c;
    struct bsc_value *value = bsc_json_parse("test", json, strlen(json), &err);
    assert_non_null(value);
    bsc_mem_free(json);
    return value;
}

/* One change of HAProxy, as a row makes it. */
struct attempt {
    struct bsc_value *instances; /* owned */
    int64_t answer_ms;
    int64_t drain_ms;
    bool gentle; /* users are led elsewhere, not writers */
    int64_t left;
    struct bsc_err err;
};

static void add_instance(struct attempt *attempt, const char *socket, const char *states)
{
    struct bsc_value *instance = bsc_value_map();
    if (attempt->instances == NULL)
        attempt->instances = bsc_value_list();
    bsc_value_set_text(instance, "socket", socket);
    bsc_value_set_text(instance, "state_file", states);
    bsc_value_append(attempt->instances, instance);
}

static enum bsc_err_code make(struct attempt *attempt, const char *from, const char *to)
{
    const struct bsc_clock *clock = bsc_clock_real();
    struct bsc_value *was = parse(from), *will = parse(to);
    int64_t drain_ms = attempt->gentle || attempt->drain_ms > 0 ? attempt->drain_ms : ANSWER_MS;
    struct bsc_pools_haproxy_change order = {
        .instances = attempt->instances,
        .from = was,
        .to = will,
        .exclusive = !attempt->gentle,
        .sys = bsc_sys_real(),
        .answer_ms = attempt->answer_ms > 0 ? attempt->answer_ms : ANSWER_MS,
        .drain_until_us = clock->mono_us(clock->self) + drain_ms * 1000};
    attempt->err = (struct bsc_err)BSC_ERR_INIT;
    bool ok = bsc_pools_haproxy_change(&order, &attempt->left, &attempt->err);
    assert_int_equal(ok, attempt->err.code == BSC_ERR_NONE);
    bsc_value_free(was);
    bsc_value_free(will);
    return attempt->err.code;
}

static void assert_says(const struct attempt *attempt, const char *part)
{
    if (strstr(attempt->err.message, part) == NULL)
        fail_msg("\"%s\" does not say \"%s\"", attempt->err.message, part);
}

static void end(struct attempt *attempt)
{
    bsc_value_free(attempt->instances);
}

/* What listens there is asked one question at a time and gives the answers in order, and the last
 * four of them again and again. */
static pid_t fake_peer(const char *path, const char *const *answers)
{
    struct sockaddr_un name = proxy_socket_name(path);
    int listener = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    assert_int_equal(bind(listener, (struct sockaddr *)&name, sizeof name), 0);
    assert_int_equal(listen(listener, 1), 0);
    pid_t pid = fork();
    if (pid > 0) {
        close(listener);
        return pid;
    }
    char byte = 0;
    int caller = accept(listener, NULL, NULL);
    while (recv(caller, &byte, 1, 0) == 1) {
        if (byte == '\n' && send(caller, *answers, strlen(*answers), MSG_NOSIGNAL) > 0)
            answers += answers[1] != NULL ? 1 : -3;
    }
    _exit(0);
}

#define STATES(sql1, sql3)                                                                         \
    "1\n# be_id be_name srv_id srv_name srv_addr srv_op_state srv_admin_state\n"                   \
    "3 rw 1 sql1 - 2 " sql1 "\n3 rw 2 sql3 - 2 " sql3 "\n\n\n> "
#define STATISTICS(sessions) "# pxname,svname,scur,\nrw,sql1," sessions ",\n\n> "
#define DOWN(admin)                                                                                \
    "1\n# be_id be_name srv_id srv_name srv_addr srv_op_state srv_admin_state\n"                   \
    "3 rw 1 sql1 - 0 " admin "\n\n\n> "

static void writers_are_led_elsewhere_and_back(void **state)
{
    struct proxy proxy;
    struct attempt attempt = {0};
    proxy_open(&proxy, *state, "a");
    add_instance(&attempt, proxy.admin, NULL);
    assert_proxy(&proxy, AS_STARTED);
    assert_int_equal(make(&attempt, ELSEWHERE), BSC_ERR_NONE);
    assert_proxy(&proxy, "sql1 maint, sql3 ready, chat1 ready, chat2 maint");
    assert_int_equal(make(&attempt, "{'rw/sql1':['maint'],'rw/sql3':['ready']}",
                          "{'rw/sql1':['ready'],'rw/sql3':['maint']}"),
                     BSC_ERR_NONE);
    assert_proxy(&proxy, AS_STARTED);
    proxy_close(&proxy);
    end(&attempt);
}

static void a_writer_of_the_old_server_is_cut_off(void **state)
{
    char byte = 0;
    struct proxy proxy;
    struct attempt attempt = {0};
    proxy_open(&proxy, *state, "a");
    add_instance(&attempt, proxy.admin, NULL);
    int client = proxy_client(&proxy, "rw", "rw/sql1");
    assert_int_equal(make(&attempt, ELSEWHERE), BSC_ERR_NONE);
    assert_int_equal(attempt.left, 0);
    assert_true(recv(client, &byte, 1, 0) <= 0);
    close(client);
    proxy_close(&proxy);
    end(&attempt);
}

/* Whoever closed the server, and was killed or tired before its sessions were over. */
static void a_writer_of_a_server_that_is_closed_already_is_cut_off_first(void **state)
{
    char byte = 0;
    struct proxy proxy;
    struct attempt attempt = {0};
    proxy_open(&proxy, *state, "a");
    add_instance(&attempt, proxy.admin, NULL);
    int client = proxy_client(&proxy, "rw", "rw/sql1");
    proxy_say(&proxy, "set server rw/sql1 state maint");
    assert_int_equal(
        make(&attempt, "{'rw/sql1':['maint'],'rw/sql3':['maint']}", "{'rw/sql3':['ready']}"),
        BSC_ERR_NONE);
    assert_int_equal(recv(client, &byte, 1, MSG_DONTWAIT), 0);
    assert_int_equal(proxy_sessions(&proxy, "rw/sql1", "sessions"), 0);
    close(client);
    client = proxy_client(&proxy, "rw", "rw/sql3");
    proxy_say(&proxy, "set server rw/sql3 state maint");
    assert_int_equal(make(&attempt, "{'rw/sql1':['maint'],'rw/sql3':['maint']}", "{}"),
                     BSC_ERR_NONE);
    assert_int_equal(proxy_sessions(&proxy, "rw/sql3", "sessions"), 0);
    close(client);
    proxy_close(&proxy);
    end(&attempt);
}

/* HAProxy does not shut down what its client has closed, and waits for a server that says nothing
 * any more. */
static void a_session_that_its_writer_has_closed_keeps_nobody_from_writing(void **state)
{
    struct proxy proxy;
    struct attempt attempt = {0};
    proxy_open(&proxy, *state, "a");
    add_instance(&attempt, proxy.admin, NULL);
    int client = proxy_client(&proxy, "rw", "rw/sql1");
    close(client);
    int other = proxy_client(&proxy, "rw", "rw/sql1");
    assert_int_equal(make(&attempt, ELSEWHERE), BSC_ERR_NONE);
    assert_proxy(&proxy, "sql1 maint, sql3 ready, chat1 ready, chat2 maint");
    assert_int_equal(proxy_sessions(&proxy, "rw/sql1", "closed"), 1);
    assert_int_equal(proxy_sessions(&proxy, "rw/sql1", "sessions"), 0);
    close(other);
    proxy_close(&proxy);
    end(&attempt);
}

/* A user may close what he sends through, and still wait for what comes back. */
static void a_user_who_has_said_all_is_waited_for(void **state)
{
    struct proxy proxy;
    struct attempt attempt = {.gentle = true, .drain_ms = SOON_MS};
    proxy_open(&proxy, *state, "a");
    add_instance(&attempt, proxy.admin, NULL);
    int client = proxy_client(&proxy, "ro", "ro/chat1");
    assert_int_equal(shutdown(client, SHUT_WR), 0);
    assert_int_equal(make(&attempt, "{'ro/chat1':['ready'],'ro/chat2':['maint']}",
                          "{'ro/chat1':['maint'],'ro/chat2':['ready']}"),
                     BSC_ERR_NONE);
    assert_int_equal(attempt.left, 1);
    close(client);
    proxy_close(&proxy);
    end(&attempt);
}

/* Two configurations that are not the same: what one lacks is nothing to change there. */
static void a_server_that_one_of_several_lacks_is_left_out(void **state)
{
    struct proxy a, b;
    struct attempt attempt = {0};
    proxy_open(&a, *state, "a");
    proxy_open(&b, *state, "b");
    add_instance(&attempt, a.admin, NULL);
    add_instance(&attempt, b.admin, NULL);
    proxy_say(&a, "set server rw/sql3 state maint");
    proxy_say(&a, "add server rw/sql9 127.0.0.1:1");
    proxy_say(&a, "set server rw/sql9 state ready");
    assert_int_equal(make(&attempt,
                          "{'rw/sql1':['ready'],'rw/sql3':['maint'],'rw/sql9':['ready','none']}",
                          "{'rw/sql1':['maint'],'rw/sql3':['ready'],'rw/sql9':['maint','none']}"),
                     BSC_ERR_NONE);
    assert_proxy(&b, "sql1 maint, sql3 ready, chat1 ready, chat2 maint");
    assert_int_equal(make(&attempt, "{'rw/sql1':['maint']}", "{'rw/sql1':['gone']}"),
                     BSC_ERR_INVALID);
    assert_says(&attempt, "\"gone\" is no state of a server");
    proxy_close(&a);
    proxy_close(&b);
    end(&attempt);
}

static void a_restart_keeps_what_was_written_to_the_state_file(void **state)
{
    struct proxy proxy;
    struct attempt attempt = {0};
    proxy_open(&proxy, *state, "a");
    add_instance(&attempt, proxy.admin, proxy.states);
    assert_int_equal(make(&attempt, ELSEWHERE), BSC_ERR_NONE);
    proxy_kill(&proxy);
    proxy_start(&proxy);
    assert_proxy(&proxy, "sql1 maint, sql3 ready, chat1 ready, chat2 maint");
    proxy_close(&proxy);
    end(&attempt);
}

static void a_state_file_that_cannot_be_written_is_an_error(void **state)
{
    struct proxy proxy;
    struct attempt attempt = {0};
    proxy_open(&proxy, *state, "a");
    add_instance(&attempt, proxy.admin, "/proc/nowhere/states");
    assert_int_not_equal(make(&attempt, ELSEWHERE), BSC_ERR_NONE);
    assert_says(&attempt, "a restart of HAProxy would undo the change");
    assert_non_null(strstr(attempt.err.detail, "Nothing was changed."));
    assert_proxy(&proxy, AS_STARTED);
    proxy_close(&proxy);
    end(&attempt);
}

static void what_somebody_else_changed_is_left_alone(void **state)
{
    struct proxy proxy;
    struct attempt attempt = {0};
    proxy_open(&proxy, *state, "a");
    add_instance(&attempt, proxy.admin, NULL);
    assert_int_equal(make(&attempt, "{'rw/sql1':['ready'],'rw/sql3':['drain']}",
                          "{'rw/sql1':['maint'],'rw/sql3':['ready']}"),
                     BSC_ERR_CONFLICT);
    assert_says(&attempt, "rw/sql3 is maint, and it was drain: nothing was changed");
    assert_proxy(&proxy, AS_STARTED);
    proxy_close(&proxy);
    end(&attempt);
}

/* Somebody was killed between the two. */
static void a_part_that_was_made_is_no_conflict(void **state)
{
    struct proxy proxy;
    struct attempt attempt = {0};
    proxy_open(&proxy, *state, "a");
    add_instance(&attempt, proxy.admin, NULL);
    assert_int_equal(make(&attempt, "{'rw/sql1':['ready'],'rw/sql3':['maint']}",
                          "{'rw/sql1':['maint'],'rw/sql3':['maint']}"),
                     BSC_ERR_NONE);
    assert_int_equal(make(&attempt, ELSEWHERE), BSC_ERR_NONE);
    assert_proxy(&proxy, "sql1 maint, sql3 ready, chat1 ready, chat2 maint");
    proxy_close(&proxy);
    end(&attempt);
}

static void a_socket_that_may_only_look_changes_nothing(void **state)
{
    struct proxy proxy;
    struct attempt attempt = {0};
    proxy_open(&proxy, *state, "a");
    add_instance(&attempt, proxy.operator_, NULL);
    assert_int_equal(make(&attempt, ELSEWHERE), BSC_ERR_DENIED);
    assert_says(&attempt, "lets nobody change it there");
    assert_non_null(strstr(attempt.err.hint, "level admin"));
    assert_proxy(&proxy, AS_STARTED);
    proxy_close(&proxy);
    end(&attempt);
}

static void a_socket_may_be_a_port(void **state)
{
    struct proxy proxy;
    struct attempt attempt = {.instances = bsc_value_list()};
    proxy_open(&proxy, *state, "a");
    struct bsc_value *instance = bsc_value_map();
    bsc_value_set_text(instance, "address", proxy.port);
    bsc_value_append(attempt.instances, instance);
    assert_int_equal(make(&attempt, ELSEWHERE), BSC_ERR_NONE);
    assert_proxy(&proxy, "sql1 maint, sql3 ready, chat1 ready, chat2 maint");
    proxy_close(&proxy);
    end(&attempt);
}

static void a_server_that_there_is_not_is_told(void **state)
{
    struct proxy proxy;
    struct attempt attempt = {0};
    proxy_open(&proxy, *state, "a");
    add_instance(&attempt, proxy.admin, NULL);
    assert_int_equal(make(&attempt, "{'rw/sql9':['none']}", "{'rw/sql9':['ready']}"),
                     BSC_ERR_NOT_FOUND);
    assert_says(&attempt, "has no server rw/sql9");
    assert_int_equal(make(&attempt, "{'rw/sql1; quit':['none']}", "{}"), BSC_ERR_INVALID);
    proxy_close(&proxy);
    end(&attempt);
}

static void users_are_waited_for_as_long_as_is_wanted(void **state)
{
    struct proxy proxy;
    struct attempt attempt = {.gentle = true, .drain_ms = SOON_MS};
    proxy_open(&proxy, *state, "a");
    add_instance(&attempt, proxy.admin, NULL);
    int client = proxy_client(&proxy, "ro", "ro/chat1");
    assert_int_equal(make(&attempt, "{'ro/chat1':['ready'],'ro/chat2':['maint']}",
                          "{'ro/chat1':['maint'],'ro/chat2':['ready']}"),
                     BSC_ERR_NONE);
    assert_int_equal(attempt.left, 1);
    assert_proxy(&proxy, "sql1 ready, sql3 maint, chat1 maint, chat2 ready");
    close(client);
    attempt.drain_ms = ANSWER_MS;
    assert_int_equal(make(&attempt, "{'ro/chat1':['maint'],'ro/chat2':['ready']}",
                          "{'ro/chat1':['ready'],'ro/chat2':['maint']}"),
                     BSC_ERR_NONE);
    assert_int_equal(attempt.left, 0);
    proxy_close(&proxy);
    end(&attempt);
}

/* What HAProxy says of a server that its checks have found dead. */
static void sessions_on_a_server_that_is_down_are_not_waited_for(void **state)
{
    static const char *const dead[] = {"\n> ",          "admin\n\n> ",   DOWN("0"), STATISTICS("2"),
                                       DOWN("0"),       STATISTICS("2"), "\n> ",    DOWN("8"),
                                       STATISTICS("2"), "\n> ",          "\n> ",    DOWN("1"),
                                       STATISTICS("2"), "\n> ",          NULL};
    struct attempt attempt = {.gentle = true, .drain_ms = INT32_MAX};
    char *path = unit_path(*state, "fake");
    pid_t pid = fake_peer(path, dead);
    add_instance(&attempt, path, NULL);
    assert_int_equal(make(&attempt, "{'rw/sql1':['ready']}", "{'rw/sql1':['maint']}"),
                     BSC_ERR_NONE);
    assert_int_equal(attempt.left, 0);
    kill(pid, SIGKILL);
    assert_int_equal(waitpid(pid, NULL, 0), pid);
    end(&attempt);
    free(path);
}

static void all_of_several_are_changed_each_from_where_it_was(void **state)
{
    struct proxy a, b;
    struct attempt attempt = {0};
    proxy_open(&a, *state, "a");
    proxy_open(&b, *state, "b");
    add_instance(&attempt, a.admin, a.states);
    assert_int_equal(make(&attempt, ELSEWHERE), BSC_ERR_NONE);
    add_instance(&attempt, b.admin, b.states);
    assert_int_equal(make(&attempt, ELSEWHERE), BSC_ERR_NONE);
    assert_proxy(&b, "sql1 maint, sql3 ready, chat1 ready, chat2 maint");
    assert_int_equal(access(b.states, F_OK), 0);
    assert_int_equal(make(&attempt, "{'rw/sql1':['maint'],'rw/sql3':['ready']}",
                          "{'rw/sql1':['maint','ready'],'rw/sql3':['ready','maint']}"),
                     BSC_ERR_NONE);
    assert_proxy(&a, "sql1 maint, sql3 ready, chat1 ready, chat2 maint");
    assert_proxy(&b, AS_STARTED);
    proxy_close(&a);
    proxy_close(&b);
    end(&attempt);
}

static void one_that_is_down_stops_the_change_of_all(void **state)
{
    struct proxy a, b;
    struct attempt attempt = {0};
    proxy_open(&a, *state, "a");
    proxy_open(&b, *state, "b");
    add_instance(&attempt, a.admin, NULL);
    add_instance(&attempt, b.admin, NULL);
    proxy_kill(&b);
    assert_int_equal(make(&attempt, ELSEWHERE), BSC_ERR_UNREACHABLE);
    assert_says(&attempt, b.admin);
    assert_proxy(&a, AS_STARTED);
    proxy_close(&a);
    proxy_close(&b);
    end(&attempt);
}

static void one_that_hangs_is_not_waited_for(void **state)
{
    struct proxy a, b;
    struct attempt attempt = {.answer_ms = SOON_MS};
    proxy_open(&a, *state, "a");
    proxy_open(&b, *state, "b");
    add_instance(&attempt, b.admin, NULL);
    add_instance(&attempt, a.admin, NULL);
    assert_int_equal(kill(b.pid, SIGSTOP), 0);
    assert_int_equal(waitpid(b.pid, NULL, WUNTRACED), b.pid);
    assert_int_equal(make(&attempt, ELSEWHERE), BSC_ERR_TIMEOUT);
    assert_says(&attempt, b.admin);
    assert_proxy(&a, AS_STARTED);
    proxy_close(&a);
    proxy_close(&b);
    end(&attempt);
}

static enum bsc_err_code against_fake(const char *folder, const char *const *answers,
                                      struct attempt *attempt)
{
    char *path = unit_path(folder, "fake");
    unlink(path);
    pid_t pid = fake_peer(path, answers);
    add_instance(attempt, path, NULL);
    enum bsc_err_code code = make(attempt, ELSEWHERE);
    kill(pid, SIGKILL);
    assert_int_equal(waitpid(pid, NULL, 0), pid);
    end(attempt);
    free(path);
    return code;
}

static void a_server_that_does_not_obey_is_not_taken_for_closed(void **state)
{
    static const char *const stubborn[] = {"\n> ",          "admin\n\n> ", STATES("0", "1"),
                                           STATISTICS("0"), "\n> ",        STATES("0", "1"),
                                           STATISTICS("0"), NULL};
    struct attempt attempt = {0};
    assert_int_equal(against_fake(*state, stubborn, &attempt), BSC_ERR_CONFLICT);
    assert_says(&attempt, "took the command, and rw/sql1 is ready still");
}

static void sessions_that_do_not_end_keep_the_other_server_closed(void **state)
{
    static const char *const lasting[] = {"\n> ",
                                          "admin\n\n> ",
                                          STATES("0", "1"),
                                          STATISTICS("1"),
                                          "\n> ",
                                          STATES("1", "1"),
                                          STATISTICS("1"),
                                          "\n> ",
                                          STATES("1", "1"),
                                          STATISTICS("1"),
                                          "\n> ",
                                          "\n> ",
                                          NULL};
    struct attempt attempt = {.drain_ms = SOON_MS};
    assert_int_equal(against_fake(*state, lasting, &attempt), BSC_ERR_TIMEOUT);
    assert_says(&attempt, "1 session of the servers that were closed does not end: no other was");
}

/* Somebody else leads writers back while the other server is opened. */
static void who_is_not_alone_closes_what_he_opened(void **state)
{
    static const char *const raced[] = {"\n> ",
                                        "admin\n\n> ",
                                        STATES("0", "1"),
                                        STATISTICS("0"),
                                        "\n> ",
                                        STATES("1", "1"),
                                        STATISTICS("0"),
                                        STATES("1", "1"),
                                        STATISTICS("0"),
                                        "\n> ",
                                        STATES("1", "0"),
                                        STATISTICS("0"),
                                        STATES("0", "0"),
                                        STATISTICS("0"),
                                        "\n> ",
                                        "\n> ",
                                        NULL};
    struct attempt attempt = {0};
    assert_int_equal(against_fake(*state, raced, &attempt), BSC_ERR_CONFLICT);
    assert_says(&attempt, "somebody has opened rw/sql1 meanwhile: what was opened here is closed");
}

static void what_is_no_haproxy_is_refused(void **state)
{
    static const char *const other[] = {"\n> ", "what?\n> ", "220 mail ready\n> ", NULL};
    static const char *const old[] = {"\n> ",          "Unknown command\n> ",     STATES("0", "1"),
                                      STATISTICS("0"), "Permission denied\n\n> ", NULL};
    struct attempt attempt = {0};
    assert_int_equal(against_fake(*state, other, &attempt), BSC_ERR_INVALID);
    attempt = (struct attempt){0};
    assert_int_equal(against_fake(*state, old, &attempt), BSC_ERR_DENIED);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        UNIT_IN_FOLDER(writers_are_led_elsewhere_and_back),
        UNIT_IN_FOLDER(a_writer_of_the_old_server_is_cut_off),
        UNIT_IN_FOLDER(a_writer_of_a_server_that_is_closed_already_is_cut_off_first),
        UNIT_IN_FOLDER(a_session_that_its_writer_has_closed_keeps_nobody_from_writing),
        UNIT_IN_FOLDER(a_user_who_has_said_all_is_waited_for),
        UNIT_IN_FOLDER(a_server_that_one_of_several_lacks_is_left_out),
        UNIT_IN_FOLDER(a_restart_keeps_what_was_written_to_the_state_file),
        UNIT_IN_FOLDER(a_state_file_that_cannot_be_written_is_an_error),
        UNIT_IN_FOLDER(what_somebody_else_changed_is_left_alone),
        UNIT_IN_FOLDER(a_part_that_was_made_is_no_conflict),
        UNIT_IN_FOLDER(a_socket_that_may_only_look_changes_nothing),
        UNIT_IN_FOLDER(a_server_that_there_is_not_is_told),
        UNIT_IN_FOLDER(users_are_waited_for_as_long_as_is_wanted),
        UNIT_IN_FOLDER(sessions_on_a_server_that_is_down_are_not_waited_for),
        UNIT_IN_FOLDER(a_socket_may_be_a_port),
        UNIT_IN_FOLDER(all_of_several_are_changed_each_from_where_it_was),
        UNIT_IN_FOLDER(one_that_is_down_stops_the_change_of_all),
        UNIT_IN_FOLDER(one_that_hangs_is_not_waited_for),
        UNIT_IN_FOLDER(a_server_that_does_not_obey_is_not_taken_for_closed),
        UNIT_IN_FOLDER(sessions_that_do_not_end_keep_the_other_server_closed),
        UNIT_IN_FOLDER(who_is_not_alone_closes_what_he_opened),
        UNIT_IN_FOLDER(what_is_no_haproxy_is_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

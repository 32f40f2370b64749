#include "site/secret.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/mem.h"
#include "os/files.h"
#include "os/process.h"
#include "site/check.h"
#include "value/json.h"

enum { COMMAND_MS = 10000, WORDS_MAX = 64 };

void bsc_secret_release(struct bsc_secret *secret)
{
    if (secret->text != NULL)
        explicit_bzero(secret->text, secret->capacity);
    bsc_mem_free(secret->text);
    *secret = (struct bsc_secret){0};
}

/* The argument behind "env:" and the like, or NULL. */
static const char *behind(const char *reference, const char *scheme)
{
    size_t length = strlen(scheme);
    return strncmp(reference, scheme, length) == 0 ? reference + length : NULL;
}

static bool variable_valid(const char *name)
{
    static const char rest[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ_0123456789";
    return name[0] != '\0' && !(name[0] >= '0' && name[0] <= '9') &&
           strspn(name, rest) == strlen(name);
}

/* The words of a command as a list of texts, owned; NULL when it is not one. */
static struct bsc_value *command_words(const char *command)
{
    struct bsc_value *words = NULL;
    if (command[strspn(command, " ")] == '[') {
        struct bsc_err ignored = BSC_ERR_INIT;
        words = bsc_json_parse("command", command, strlen(command), &ignored);
    } else {
        words = bsc_value_list();
        for (const char *at = command + strspn(command, " "); *at != '\0'; at += strspn(at, " ")) {
            size_t length = strcspn(at, " ");
            bsc_value_append(words, bsc_value_bytes(at, length));
            at += length;
        }
    }
    size_t count = bsc_value_count(words);
    bool valid = bsc_value_kind(words) == BSC_VALUE_LIST && count > 0 && count <= WORDS_MAX;
    for (size_t i = 0; valid && i < count; i++) {
        const char *word = bsc_value_string(bsc_value_at(words, i));
        valid = word != NULL && strlen(word) == bsc_value_string_length(bsc_value_at(words, i)) &&
                (i > 0 || word[0] != '\0');
    }
    if (valid)
        return words;
    bsc_value_free(words);
    return NULL;
}

bool bsc_site_secret_valid(const char *reference)
{
    for (const char *at = reference; *at != '\0'; at++) {
        if ((unsigned char)*at < 0x20 || *at == 0x7F)
            return false;
    }
    const char *variable = behind(reference, "env:");
    const char *path = behind(reference, "file:");
    const char *command = behind(reference, "command:");
    if (variable != NULL)
        return variable_valid(variable);
    if (path != NULL)
        return path[0] != '\0';
    struct bsc_value *words = command == NULL ? NULL : command_words(command);
    bsc_value_free(words);
    return words != NULL;
}

static bool environment_read(const char *name, struct bsc_secret *secret, struct bsc_err *err)
{
    const char *text = getenv(name);
    if (text == NULL) {
        bsc_err_set(err, BSC_ERR_NOT_FOUND, "environment variable \"%s\" is not set", name);
        return bsc_err_hint(err, "Set it for the process that runs bascule.");
    }
    size_t length = strlen(text);
    if (length > BSC_SECRET_MAX)
        return bsc_err_set(err, BSC_ERR_LIMIT, "environment variable \"%s\" is over 64 KiB", name);
    memcpy(secret->text, text, length);
    return true;
}

/* The descriptor is asked, not the name, so that nobody can swap the file in between. */
static bool owner_check(const struct bsc_sys *sys, int fd, const char *path, struct bsc_err *err)
{
    struct stat info = {0};
    if (sys->fstat(sys->self, fd, &info) != 0)
        return bsc_err_sys(err, errno, "could not look at secret file \"%s\"", path);
    if (!S_ISREG(info.st_mode))
        return bsc_err_set(err, BSC_ERR_INVALID, "secret file \"%s\" is not an ordinary file",
                           path);
    if ((info.st_mode & 077) != 0) {
        bsc_err_set(err, BSC_ERR_DENIED, "secret file \"%s\" is open to others (mode %04o)", path,
                    (unsigned)info.st_mode & 07777u);
        return bsc_err_hint(err, "Run chmod 600 on it, and change the secret if others read it.");
    }
    if (info.st_uid != geteuid() && info.st_uid != 0) {
        bsc_err_set(err, BSC_ERR_DENIED, "secret file \"%s\" belongs to another user", path);
        return bsc_err_hint(err, "It must belong to the user who runs bascule, or to root.");
    }
    return true;
}

static bool descriptor_read(const struct bsc_sys *sys, int fd, const char *path,
                            struct bsc_secret *secret, struct bsc_err *err)
{
    size_t length = 0;
    for (;;) {
        ssize_t got =
            sys->read(sys->self, fd, secret->text + length, secret->capacity - 1 - length);
        if (got < 0 && errno == EINTR)
            continue;
        if (got < 0)
            return bsc_err_sys(err, errno, "could not read secret file \"%s\"", path);
        length += (size_t)got;
        if (length > BSC_SECRET_MAX)
            return bsc_err_set(err, BSC_ERR_LIMIT, "secret file \"%s\" is over 64 KiB", path);
        if (got == 0)
            break;
    }
    if (memchr(secret->text, '\0', length) != NULL)
        return bsc_err_set(err, BSC_ERR_INVALID, "secret file \"%s\" has a NUL character", path);
    return true;
}

static bool file_read(const struct bsc_sys *sys, const char *path, struct bsc_secret *secret,
                      struct bsc_err *err)
{
    int fd = -1;
    do
        fd = sys->open(sys->self, path, O_RDONLY | O_NONBLOCK | O_NOCTTY, 0);
    while (fd < 0 && errno == EINTR);
    if (fd < 0)
        return bsc_err_sys(err, errno, "could not open secret file \"%s\"", path);
    bool read = owner_check(sys, fd, path, err) && descriptor_read(sys, fd, path, secret, err);
    /* Closing a file that was only read cannot lose anything. */
    (void)sys->close(sys->self, fd);
    return read;
}

/* What the command printed is never quoted, on neither stream: it may hold the secret. */
static bool result_read(const struct bsc_process_result *result, const char *program,
                        struct bsc_secret *secret, struct bsc_err *err)
{
    if (result->exit_status != 0) {
        bsc_err_set(err, BSC_ERR_INVALID, "secret command \"%s\" ended with status %d", program,
                    result->exit_status);
        return bsc_err_hint(err, "Run it by hand to see what it says.");
    }
    if (result->output_cut || result->out.length > BSC_SECRET_MAX)
        return bsc_err_set(err, BSC_ERR_LIMIT, "secret command \"%s\" printed over 64 KiB",
                           program);
    if (memchr(result->out.data, '\0', result->out.length) != NULL)
        return bsc_err_set(err, BSC_ERR_INVALID, "secret command \"%s\" printed a NUL character",
                           program);
    memcpy(secret->text, result->out.data, result->out.length);
    return true;
}

static void result_wipe(struct bsc_process_result *result)
{
    if (result->out.data != NULL)
        explicit_bzero(result->out.data, result->out.capacity);
    if (result->err.data != NULL)
        explicit_bzero(result->err.data, result->err.capacity);
    bsc_process_result_release(result);
}

static bool command_run(const char *folder, const char *command, struct bsc_secret *secret,
                        struct bsc_err *err)
{
    const char *argv[WORDS_MAX + 1] = {NULL};
    struct bsc_value *words = command_words(command);
    if (words == NULL)
        return bsc_err_set(err, BSC_ERR_INVALID, "the secret's command is not a list of words");
    for (size_t i = 0; i < bsc_value_count(words); i++)
        argv[i] = bsc_value_string(bsc_value_at(words, i));
    struct bsc_process_order order = {
        .argv = argv, .folder = folder, .timeout_ms = COMMAND_MS, .output_max = BSC_SECRET_MAX + 1};
    struct bsc_process_result result = {0};
    bool read = bsc_process_run(&order, &result, err);
    if (!read)
        bsc_err_wrap(err, "could not run secret command \"%s\"", argv[0]);
    else
        read = result_read(&result, argv[0], secret, err);
    result_wipe(&result);
    bsc_value_free(words);
    return read;
}

static void newline_drop(char *text)
{
    size_t length = strlen(text);
    if (length > 0 && text[length - 1] == '\n')
        text[--length] = '\0';
    if (length > 0 && text[length - 1] == '\r')
        text[length - 1] = '\0';
}

static bool reference_read(const struct bsc_sys *sys, const char *folder, const char *reference,
                           struct bsc_secret *secret, struct bsc_err *err)
{
    const char *variable = behind(reference, "env:");
    const char *path = behind(reference, "file:");
    const char *command = behind(reference, "command:");
    if (variable != NULL)
        return environment_read(variable, secret, err);
    if (command != NULL)
        return command_run(folder, command, secret, err);
    BSC_BUG_ON(path == NULL);
    char *full = bsc_files_join(folder, path);
    bool read = file_read(sys, full, secret, err);
    bsc_mem_free(full);
    return read;
}

bool bsc_secret_resolve(const struct bsc_sys *sys, const char *folder, const char *reference,
                        struct bsc_redactor *redactor, struct bsc_secret *ret_secret,
                        struct bsc_err *err)
{
    /* One allocation for the largest secret: growing would leave copies behind. */
    struct bsc_secret secret = {bsc_mem_new(BSC_SECRET_MAX + 2, 1), BSC_SECRET_MAX + 2};
    bool read = reference_read(sys, folder, reference, &secret, err);
    if (read && behind(reference, "env:") == NULL)
        newline_drop(secret.text);
    if (read && secret.text[0] == '\0') {
        bsc_err_set(err, BSC_ERR_INVALID, "the secret is empty");
        read = false;
    }
    if (!read) {
        bsc_secret_release(&secret);
        return false;
    }
    bsc_redactor_add(redactor, secret.text, strlen(secret.text));
    *ret_secret = secret;
    return true;
}

#include "base/buf.h"
#include "lib/args.h"
#include "lib/env.h"
#include "lib/rows_int.h"
#include "mirrors/pg.h"
#include "os/dial.h"
#include "site/site.h"

#define LISTENS_ARGS "server: text"

/* The system repeats an attempt after a second: nobody is dead because one packet was lost, not
 * even where two addresses share the time. */
enum { WITHIN_MS = 2500 };

/* Who takes a connection is there, whatever keeps him from answering. */
static bool listens_at(const struct bsc_lib_call *call, const char *address)
{
    struct bsc_err ignored = BSC_ERR_INIT;
    struct bsc_dial_order order = {
        .address = address, .timeout_ms = WITHIN_MS, .cancel = call->cancel};
    struct bsc_dial *dial = bsc_dial_open(&order, &ignored);
    bsc_dial_close(dial);
    return dial != NULL;
}

static bool listens_run(struct bsc_lib_call *call, struct bsc_value **ret, struct bsc_err *err)
{
    const char *name = NULL;
    if (!bsc_lib_args_known(call->args, LISTENS_ARGS, err) ||
        !bsc_lib_args_text(call->args, "server", &name, err))
        return false;
    const struct bsc_value *server = bsc_site_server(call->env->site, name);
    const char *connection = bsc_value_get_string(server, "connection");
    struct bsc_buf address;
    bsc_buf_init(&address);
    bool known = connection != NULL && bsc_mirrors_pg_address(connection, &address);
    *ret = bsc_value_map();
    bsc_value_set_bool(*ret, "known", known);
    bsc_value_set_bool(*ret, "listens", known && listens_at(call, address.data));
    bsc_buf_release(&address);
    return true;
}

const struct bsc_lib_row bsc_lib_row_server_listens = {
    .name = "server.listens",
    .effect = BSC_LIB_READ,
    .run = listens_run,
    .args = LISTENS_ARGS,
    .result = "map {listens: bool, known: bool}",
    .doc = "Says whether somebody takes connections where a server of PostgreSQL is, even if he "
           "does not answer then: such a server is not dead. Where that is, is not known when "
           "something else than `Servername` and `Port` of its connection has a say in it.",
};

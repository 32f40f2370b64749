#include "site/site.h"

#include <string.h>

#include "base/mem.h"
#include "os/files.h"
#include "site/secret.h"
#include "site/site_int.h"

/* Some drivers do not understand braces around a value, so nothing that would need them is let
 * into it. */
static bool database_add(const char *server, const char *database, struct bsc_buf *string,
                         struct bsc_err *err)
{
    if (strpbrk(database, ";{}\n\r") != NULL || database[0] == ' ') {
        bsc_err_set(err, BSC_ERR_INVALID,
                    "database \"%.200s\" of server \"%s\" cannot stand in a connection string",
                    database, server);
        return bsc_err_hint(err, "Use a path without semicolons, braces and line ends.");
    }
    bsc_buf_add_text(string, ";Database=");
    bsc_buf_add_text(string, database);
    return true;
}

static bool outside(const char *server, const char *file, struct bsc_err *err)
{
    bsc_err_set(err, BSC_ERR_REFUSED, "file \"%.200s\" is not in the folder of server \"%s\"", file,
                server);
    return bsc_err_hint(err, "Name a file below the server's folder, without \"..\".");
}

static bool has_parent_part(const char *path)
{
    for (const char *at = path; at != NULL; at = strchr(at, '/')) {
        at += strspn(at, "/");
        if (strcspn(at, "/") == 2 && strncmp(at, "..", 2) == 0)
            return true;
    }
    return false;
}

static bool file_add(const struct bsc_value *server, const char *name, const char *file,
                     struct bsc_buf *string, struct bsc_err *err)
{
    const char *folder = bsc_value_get_string(server, "folder");
    if (folder == NULL)
        return bsc_err_set(err, BSC_ERR_INVALID, "server \"%s\" has no folder for file \"%.200s\"",
                           name, file);
    size_t length = strlen(folder);
    bool below = file[0] != '/' || (strncmp(file, folder, length) == 0 && file[length] == '/');
    if (!below || file[0] == '\0' || has_parent_part(file))
        return outside(name, file, err);
    char *path = bsc_files_join(folder, file);
    bool added = database_add(name, path, string, err);
    bsc_mem_free(path);
    return added;
}

/* ODBC puts a value in braces and doubles the closing ones. Room is made first, since a buffer that
 * grows leaves the old bytes behind. */
static void password_add(const char *secret, struct bsc_buf *string)
{
    (void)bsc_buf_room(string, strlen(secret) * 2 + 16);
    bsc_buf_add_text(string, ";PWD={");
    for (const char *at = secret; *at != '\0'; at++) {
        if (*at == '}')
            bsc_buf_add_char(string, '}');
        bsc_buf_add_char(string, *at);
    }
    bsc_buf_add_char(string, '}');
}

/* Leaves *ret_secret as it is where the server has none. */
static bool secret_get(const struct bsc_site *site, const char *name, struct bsc_redactor *redactor,
                       struct bsc_secret *ret_secret, struct bsc_err *err)
{
    const struct bsc_value *servers = bsc_value_get(site->source, "servers");
    const char *reference = bsc_value_get_string(bsc_value_get(servers, name), "secret");
    if (reference == NULL ||
        bsc_secret_resolve(site->sys, site->folder, reference, redactor, ret_secret, err))
        return true;
    return bsc_err_wrap(err, "could not get the secret of server \"%s\"", name);
}

static bool secret_add(const struct bsc_site *site, const char *name, struct bsc_buf *string,
                       struct bsc_redactor *redactor, struct bsc_err *err)
{
    struct bsc_secret secret = {0};
    if (!secret_get(site, name, redactor, &secret, err))
        return false;
    if (secret.text == NULL)
        return true;
    size_t before = string->length;
    password_add(secret.text, string);
    /* The form with doubled braces is another text, which may come back in a driver's message. */
    if (strchr(secret.text, '}') != NULL)
        bsc_redactor_add(redactor, string->data + before + 6, string->length - before - 7);
    bsc_secret_release(&secret);
    return true;
}

bool bsc_site_connection(const struct bsc_site *site, const char *server, const char *file,
                         const char *database, struct bsc_buf *ret_string,
                         struct bsc_redactor *redactor, struct bsc_err *err)
{
    const struct bsc_value *map = bsc_site_server(site, server);
    const char *connection = bsc_value_get_string(map, "connection");
    if (map == NULL)
        return bsc_err_set(err, BSC_ERR_NOT_FOUND, "the site has no server \"%.64s\"", server);
    if (connection == NULL) {
        bsc_err_set(err, BSC_ERR_INVALID, "server \"%s\" has no connection", server);
        return bsc_err_hint(err, "Add its ODBC connection string to the site file.");
    }
    size_t length = strlen(connection);
    while (length > 0 && strchr("; ", connection[length - 1]) != NULL)
        length--;
    bsc_buf_add(ret_string, connection, length);
    if (file != NULL && !file_add(map, server, file, ret_string, err))
        return false;
    if (file == NULL && database != NULL && !database_add(server, database, ret_string, err))
        return false;
    return secret_add(site, server, ret_string, redactor, err);
}

bool bsc_site_password(const struct bsc_site *site, const char *server, struct bsc_buf *ret_string,
                       struct bsc_redactor *redactor, struct bsc_err *err)
{
    struct bsc_secret secret = {0};
    if (!secret_get(site, server, redactor, &secret, err))
        return false;
    if (secret.text != NULL) {
        (void)bsc_buf_room(ret_string, strlen(secret.text) + 1);
        bsc_buf_add_text(ret_string, secret.text);
    }
    bsc_secret_release(&secret);
    return true;
}

void bsc_site_string_wipe(struct bsc_buf *string)
{
    if (string->data != NULL)
        explicit_bzero(string->data, string->capacity);
    bsc_buf_release(string);
}

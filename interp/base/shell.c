#include "base/shell.h"

#include <string.h>

static bool is_plain(const char *word)
{
    static const char plain[] =
        "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_@%+=:,./-";
    return word[0] != '\0' && strspn(word, plain) == strlen(word);
}

/* In single quotes nothing means anything to a POSIX shell but the quote itself. */
void bsc_shell_add(struct bsc_buf *line, const char *word)
{
    if (is_plain(word)) {
        bsc_buf_add_text(line, word);
        return;
    }
    bsc_buf_add_char(line, '\'');
    for (const char *c = word; *c != '\0'; c++) {
        if (*c == '\'')
            bsc_buf_add_text(line, "'\\''");
        else
            bsc_buf_add_char(line, *c);
    }
    bsc_buf_add_char(line, '\'');
}

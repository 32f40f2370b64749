#include "run/html.h"

#include <string.h>

#include "value/json.h"

static const char style[] =
    "<style>\n"
    ":root{color-scheme:light dark;--ink:#1c1e21;--paper:#fff;--dim:#606770;--line:#d8dce1;"
    "--soft:#f4f6f8;--good:#1a7f37;--bad:#c62828;--warn:#9a6700}\n"
    "@media (prefers-color-scheme:dark){:root{--ink:#e6e8eb;--paper:#14171a;--dim:#9aa3ad;"
    "--line:#343a41;--soft:#1d2125;--good:#57c26d;--bad:#ff7b72;--warn:#e3b341}}\n"
    "body{margin:0;background:var(--paper);color:var(--ink);"
    "font:16px/1.5 system-ui,sans-serif}\n"
    "main{max-width:62rem;margin:0 auto;padding:1.5rem}\n"
    "h1{font-size:1.6rem;margin:0}h2{font-size:1.2rem;margin:2rem 0 .5rem}"
    "h3{font-size:1rem;margin:0}\n"
    "table{border-collapse:collapse;width:100%;font-size:.9rem}"
    "th,td{text-align:left;vertical-align:top;padding:.25rem .6rem .25rem 0;"
    "border-bottom:1px solid var(--line);overflow-wrap:anywhere}"
    "th{font-weight:600;white-space:nowrap}\n"
    "pre{background:var(--soft);padding:.6rem;margin:.4rem 0;white-space:pre-wrap;"
    "overflow-wrap:anywhere;font:.85rem/1.45 ui-monospace,monospace}\n"
    "article{border-left:3px solid var(--line);padding:.1rem 0 .1rem 1rem;margin:1rem 0}\n"
    ".dim{color:var(--dim);font-size:.85rem}.good{color:var(--good);font-weight:600}"
    ".bad{color:var(--bad);font-weight:600}.warn{color:var(--warn);font-weight:600}\n"
    ".loss{border:1px solid var(--warn);padding:.2rem 1rem}summary{cursor:pointer}\n"
    "@media print{body{font-size:11pt}details>*{display:block}}\n"
    "</style>\n";

/* The policy makes sure that nothing on the page can run or be fetched, whatever got into it. */
void bsc_run_html_begin(struct bsc_buf *out, const char *title)
{
    bsc_buf_add_text(out, "<!DOCTYPE html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n"
                          "<meta http-equiv=\"Content-Security-Policy\" "
                          "content=\"default-src 'none'; style-src 'unsafe-inline'\">\n"
                          "<meta name=\"viewport\" content=\"width=device-width\">\n");
    bsc_run_html_element(out, "title", NULL, title);
    bsc_buf_add_text(out, style);
    bsc_buf_add_text(out, "</head>\n<body>\n<main>\n");
}

void bsc_run_html_end(struct bsc_buf *out)
{
    bsc_buf_add_text(out, "</main>\n</body>\n</html>\n");
}

static void char_add(struct bsc_buf *out, char c)
{
    unsigned char byte = (unsigned char)c;
    if (c == '&')
        bsc_buf_add_text(out, "&amp;");
    else if (c == '<')
        bsc_buf_add_text(out, "&lt;");
    else if (c == '>')
        bsc_buf_add_text(out, "&gt;");
    else if (c == '"')
        bsc_buf_add_text(out, "&quot;");
    else if (c == '\'')
        bsc_buf_add_text(out, "&#39;");
    else if ((byte < 0x20 && c != '\n' && c != '\t') || byte == 0x7f)
        bsc_buf_add_text(out, "\xEF\xBF\xBD");
    else
        bsc_buf_add_char(out, c);
}

void bsc_run_html_text(struct bsc_buf *out, const char *text)
{
    for (; text != NULL && *text != '\0'; text++)
        char_add(out, *text);
}

void bsc_run_html_element(struct bsc_buf *out, const char *tag, const char *kind, const char *text)
{
    if (kind != NULL)
        bsc_buf_printf(out, "<%s class=\"%s\">", tag, kind);
    else
        bsc_buf_printf(out, "<%s>", tag);
    bsc_run_html_text(out, text);
    bsc_buf_printf(out, "</%s>\n", tag);
}

void bsc_run_html_value(struct bsc_buf *out, const struct bsc_value *value)
{
    struct bsc_buf json;
    bsc_buf_init(&json);
    if (value == NULL)
        bsc_buf_add_text(out, "–");
    else if (bsc_value_kind(value) == BSC_VALUE_TEXT)
        bsc_run_html_text(out, bsc_value_string(value));
    else
        bsc_json_canonical(value, &json);
    bsc_run_html_text(out, json.data);
    bsc_buf_release(&json);
}

void bsc_run_html_row(struct bsc_buf *out, const char *name, const char *text)
{
    if (text == NULL || text[0] == '\0')
        return;
    bsc_buf_add_text(out, "<tr><th>");
    bsc_run_html_text(out, name);
    bsc_buf_add_text(out, "</th><td>");
    bsc_run_html_text(out, text);
    bsc_buf_add_text(out, "</td></tr>\n");
}

void bsc_run_html_outcome(struct bsc_buf *out, const char *word)
{
    static const char *const good[] = {"done", "changed", "kept", "rolled back"};
    const char *kind = word == NULL || strcmp(word, "skipped") == 0 ? "dim" : "bad";
    if (word != NULL && strcmp(word, "parked") == 0)
        kind = "warn";
    for (size_t i = 0; word != NULL && i < sizeof good / sizeof good[0]; i++)
        if (strcmp(word, good[i]) == 0)
            kind = "good";
    bsc_run_html_element(out, "span", kind, word != NULL ? word : "not finished");
}

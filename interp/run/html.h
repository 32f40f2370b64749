/*
 * The parts that the report's page is put together from. Every text is escaped on its way in.
 */
#ifndef BSC_RUN_HTML_H
#define BSC_RUN_HTML_H

#include "base/buf.h"
#include "value/value.h"

/* Everything up to <main>, and everything after it. */
void bsc_run_html_begin(struct bsc_buf *out, const char *title);
void bsc_run_html_end(struct bsc_buf *out);

/* A text (NULL is nothing) with markup made harmless and control characters made visible. */
void bsc_run_html_text(struct bsc_buf *out, const char *text);

/* <tag class="kind">text</tag>; `kind` may be NULL and must be a fixed word. */
void bsc_run_html_element(struct bsc_buf *out, const char *tag, const char *kind, const char *text);

/* A value as people read it: texts bare, all else as JSON; an absent one as a dash. */
void bsc_run_html_value(struct bsc_buf *out, const struct bsc_value *value);

/* A row of a table of names and texts; nothing when the text is NULL or empty. */
void bsc_run_html_row(struct bsc_buf *out, const char *name, const char *text);

/* An outcome word in the colour of its kind: good, bad or neither. */
void bsc_run_html_outcome(struct bsc_buf *out, const char *word);

#endif

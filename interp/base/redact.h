/*
 * Keeps secrets out of everything that is written.
 *
 * A redactor knows the values of secrets; every sink (journal, plan, report, screen, error) passes
 * its bytes through bsc_redact_apply first. Redaction is by value, so it does not matter how a
 * secret got into a text. It owns copies of the values and wipes them on free. Safe to use from
 * several threads. May include libc only.
 */
#ifndef BSC_BASE_REDACT_H
#define BSC_BASE_REDACT_H

#include <stdbool.h>
#include <stddef.h>

#include "base/buf.h"

struct bsc_redactor;

struct bsc_redactor *bsc_redactor_new(void);
void bsc_redactor_free(struct bsc_redactor *redactor);

/* Remembers a secret and its JSON-escaped, base64, hex and percent-encoded forms, and those within
 * quotes of SQL and of a shell. Values shorter than 4 bytes are remembered only in their raw form.
 * Copies the value. */
void bsc_redactor_add(struct bsc_redactor *redactor, const char *secret, size_t length);

/* Replaces every known secret in the buffer by "[secret]"; returns whether there was one. */
bool bsc_redact_apply(struct bsc_redactor *redactor, struct bsc_buf *buf);

/* The same for a NUL-terminated text in a fixed array of `size` bytes; cuts rather than overflows.
 */
bool bsc_redact_text(struct bsc_redactor *redactor, char *text, size_t size);

#endif

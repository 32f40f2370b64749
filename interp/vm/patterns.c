#include "vm/patterns_int.h"

#include <string.h>

/*
 * Lua's patterns with a budget of steps: backtracking can take exponential time, and no hook can
 * interrupt a C function. Letters are those of ASCII, whatever the locale.
 */

enum { DEPTH_MAX = 200, STEPS_MAX = 4000000 };

static const char *match(struct bsc_matcher *m, const char *s, const char *p);

static void step(struct bsc_matcher *m, ptrdiff_t work)
{
    m->steps -= work;
    if (m->steps < 0) {
        bsc_vm_spend(m->L, STEPS_MAX);
        luaL_error(m->L, "the pattern takes too long on this text");
    }
}

/* ---------------------------------------------------------- single characters */

static bool is_between(unsigned char c, unsigned char low, unsigned char high)
{
    return c >= low && c <= high;
}

static bool is_letter(unsigned char c)
{
    return is_between(c | 0x20, 'a', 'z');
}

static bool is_digit(unsigned char c)
{
    return is_between(c, '0', '9');
}

static bool is_graphic(unsigned char c)
{
    return is_between(c, '!', '~');
}

/* Whether `c` belongs to the class that a letter names; an upper-case letter means the others. */
static bool in_class(unsigned char c, unsigned char name)
{
    bool in = false;
    switch (name | 0x20) {
    case 'a':
        in = is_letter(c);
        break;
    case 'c':
        in = c < ' ' || c == 0x7f;
        break;
    case 'd':
        in = is_digit(c);
        break;
    case 'g':
        in = is_graphic(c);
        break;
    case 'l':
        in = is_between(c, 'a', 'z');
        break;
    case 'p':
        in = is_graphic(c) && !is_letter(c) && !is_digit(c);
        break;
    case 's':
        in = c == ' ' || is_between(c, '\t', '\r');
        break;
    case 'u':
        in = is_between(c, 'A', 'Z');
        break;
    case 'w':
        in = is_letter(c) || is_digit(c);
        break;
    case 'x':
        in = is_digit(c) || is_between(c | 0x20, 'a', 'f');
        break;
    default:
        return name == c;
    }
    return is_between(name, 'A', 'Z') ? !in : in;
}

/* Where the single-character item at `p` ends. */
static const char *item_end(struct bsc_matcher *m, const char *p)
{
    char first = *p++;
    if (first == '%') {
        if (p == m->pattern_end)
            luaL_error(m->L, "malformed pattern (ends with '%%')");
        return p + 1;
    }
    if (first != '[')
        return p;
    if (p < m->pattern_end && *p == '^')
        p++;
    do { /* the first character may be a ']' that is meant */
        if (p == m->pattern_end)
            luaL_error(m->L, "malformed pattern (missing ']')");
        if (*p++ == '%') {
            if (p == m->pattern_end)
                luaL_error(m->L, "malformed pattern (missing ']')");
            p++;
        }
    } while (p == m->pattern_end || *p != ']');
    return p + 1;
}

/* Whether `c` belongs to the set whose '[' is at `p` and whose ']' is at `last`. */
static bool in_set(unsigned char c, const char *p, const char *last)
{
    bool wanted = true;
    p++;
    if (*p == '^') {
        wanted = false;
        p++;
    }
    while (p < last) {
        if (*p == '%') {
            if (in_class(c, (unsigned char)p[1]))
                return wanted;
            p += 2;
        } else if (p[1] == '-' && p + 2 < last) {
            if (is_between(c, (unsigned char)p[0], (unsigned char)p[2]))
                return wanted;
            p += 3;
        } else if ((unsigned char)*p++ == c) {
            return wanted;
        }
    }
    return !wanted;
}

/* Whether the character at `s` fits the item p..end. */
static bool fits(struct bsc_matcher *m, const char *s, const char *p, const char *end)
{
    if (s >= m->end)
        return false;
    step(m, 1 + (end - p) / 4);
    switch (*p) {
    case '.':
        return true;
    case '%':
        return in_class((unsigned char)*s, (unsigned char)p[1]);
    case '[':
        return in_set((unsigned char)*s, p, end - 1);
    default:
        return *p == *s;
    }
}

/* ---------------------------------------------------------------- repetitions */

static const char *most_first(struct bsc_matcher *m, const char *s, const char *p, const char *end)
{
    ptrdiff_t count = 0;
    while (fits(m, s + count, p, end))
        count++;
    for (; count >= 0; count--) {
        const char *found = match(m, s + count, end + 1);
        if (found != NULL)
            return found;
    }
    return NULL;
}

static const char *fewest_first(struct bsc_matcher *m, const char *s, const char *p,
                                const char *end)
{
    for (;;) {
        const char *found = match(m, s, end + 1);
        if (found != NULL)
            return found;
        if (!fits(m, s, p, end))
            return NULL;
        s++;
    }
}

/* ------------------------------------------------------------ captures and such */

static const char *open_capture(struct bsc_matcher *m, const char *s, const char *p, ptrdiff_t kind)
{
    if (m->count >= BSC_PATTERN_CAPTURES_MAX)
        luaL_error(m->L, "too many captures");
    m->captures[m->count].start = s;
    m->captures[m->count].length = kind;
    m->count++;
    const char *found = match(m, s, p);
    if (found == NULL)
        m->count--;
    return found;
}

static const char *close_capture(struct bsc_matcher *m, const char *s, const char *p)
{
    int open = m->count - 1;
    while (open >= 0 && m->captures[open].length != BSC_CAPTURE_OPEN)
        open--;
    if (open < 0)
        luaL_error(m->L, "invalid pattern capture");
    m->captures[open].length = s - m->captures[open].start;
    const char *found = match(m, s, p);
    if (found == NULL)
        m->captures[open].length = BSC_CAPTURE_OPEN;
    return found;
}

/* "%b()": from s, which must be the opening character, to behind its closing one. */
static const char *match_balance(struct bsc_matcher *m, const char *s, const char *p)
{
    if (m->pattern_end - p < 2)
        luaL_error(m->L, "malformed pattern (missing arguments to '%%b')");
    if (s >= m->end || *s != p[0])
        return NULL;
    ptrdiff_t depth = 1;
    for (s++; s < m->end; s++) {
        step(m, 1);
        if (*s == p[1]) {
            if (--depth == 0)
                return s + 1;
        } else if (*s == p[0]) {
            depth++;
        }
    }
    return NULL;
}

/* "%f[set]": between a character outside the set and one inside it. */
static bool at_frontier(struct bsc_matcher *m, const char *s, const char *p, const char *end)
{
    unsigned char before = s == m->start ? 0 : (unsigned char)s[-1];
    unsigned char here = s < m->end ? (unsigned char)*s : 0;
    step(m, 1 + (end - p) / 2);
    return !in_set(before, p, end - 1) && in_set(here, p, end - 1);
}

/* "%1": the text of an earlier capture again. */
static const char *match_again(struct bsc_matcher *m, const char *s, int digit)
{
    int index = digit - '1';
    if (index < 0 || index >= m->count || m->captures[index].length == BSC_CAPTURE_OPEN)
        luaL_error(m->L, "invalid capture index %%%d in the pattern", index + 1);
    ptrdiff_t length = m->captures[index].length;
    if (length < 0 || m->end - s < length)
        return NULL;
    step(m, 1 + length / 16);
    return memcmp(m->captures[index].start, s, (size_t)length) == 0 ? s + length : NULL;
}

/* ------------------------------------------------------------------- the match */

/* What an escape with a meaning of its own does: fills the positions behind it. Returns whether `p`
 * was such an escape; *s becomes NULL when it did not match. */
static bool match_escape(struct bsc_matcher *m, const char **s, const char **p)
{
    const char *at = *p;
    if (*at != '%' || at + 1 >= m->pattern_end)
        return false;
    if (at[1] == 'b') {
        *s = match_balance(m, *s, at + 2);
        *p = at + 4;
        return true;
    }
    if (at[1] == 'f') {
        if (at + 2 >= m->pattern_end || at[2] != '[')
            luaL_error(m->L, "missing '[' after '%%f' in pattern");
        *p = item_end(m, at + 2);
        *s = at_frontier(m, *s, at + 2, *p) ? *s : NULL;
        return true;
    }
    if (!is_digit((unsigned char)at[1]))
        return false;
    *s = match_again(m, *s, at[1]);
    *p = at + 2;
    return true;
}

/* An item with its suffix. Returns true when the answer is in *found; otherwise goes on at the
 * filled positions. */
static bool match_item(struct bsc_matcher *m, const char **s, const char **p, const char **found)
{
    const char *end = item_end(m, *p);
    char suffix = '\0';
    if (end < m->pattern_end)
        suffix = *end;
    *found = NULL;
    switch (suffix) {
    case '?':
        if (fits(m, *s, *p, end) && (*found = match(m, *s + 1, end + 1)) != NULL)
            return true;
        *p = end + 1;
        return false;
    case '*':
        *found = most_first(m, *s, *p, end);
        return true;
    case '+':
        *found = fits(m, *s, *p, end) ? most_first(m, *s + 1, *p, end) : NULL;
        return true;
    case '-':
        *found = fewest_first(m, *s, *p, end);
        return true;
    default:
        if (!fits(m, *s, *p, end))
            return true;
        *s += 1;
        *p = end;
        return false;
    }
}

static const char *match_from(struct bsc_matcher *m, const char *s, const char *p)
{
    while (p < m->pattern_end) {
        const char *found = NULL;
        step(m, 1);
        if (*p == '(' && p + 1 < m->pattern_end && p[1] == ')')
            return open_capture(m, s, p + 2, BSC_CAPTURE_POSITION);
        if (*p == '(')
            return open_capture(m, s, p + 1, BSC_CAPTURE_OPEN);
        if (*p == ')')
            return close_capture(m, s, p + 1);
        if (*p == '$' && p + 1 == m->pattern_end)
            return s == m->end ? s : NULL;
        if (match_escape(m, &s, &p)) {
            if (s == NULL)
                return NULL;
        } else if (match_item(m, &s, &p, &found)) {
            return found;
        }
    }
    return s;
}

/* Where a match of the pattern from `p` on that begins at `s` ends, or NULL. */
static const char *match(struct bsc_matcher *m, const char *s, const char *p)
{
    if (m->depth-- == 0)
        luaL_error(m->L, "pattern too complex");
    const char *found = match_from(m, s, p);
    m->depth++;
    return found;
}

void bsc_matcher_init(struct bsc_matcher *m, lua_State *L, const char *subject, size_t length,
                      const char *pattern_end)
{
    memset(m, 0, sizeof *m);
    m->L = L;
    m->start = subject;
    m->end = subject + length;
    m->pattern_end = pattern_end;
    m->steps = STEPS_MAX;
}

const char *bsc_matcher_match(struct bsc_matcher *m, const char *s, const char *p)
{
    m->count = 0;
    m->depth = DEPTH_MAX;
    return match(m, s, p);
}

void bsc_matcher_settle(struct bsc_matcher *m)
{
    int64_t taken = STEPS_MAX - m->steps;
    bsc_vm_spend(m->L, (size_t)taken);
}

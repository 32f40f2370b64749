#include "logs/format.h"

#include <errno.h>
#include <string.h>

#include "base/mem.h"
#include "base/num.h"
#include "logs/io.h"
#include "os/files.h"

static const char magic[8] = {'B', 'S', 'C', 'L', 'O', 'G', '0', '1'};

enum {
    AT_VERSION = 8,
    AT_HEADER_BYTES = 12,
    AT_DATABASE_ID = 16,
    AT_FORK = 32,
    AT_PREVIOUS_FORK = 48,
    AT_FIRST_LSN = 64,
    AT_LAST_LSN = 72,
    AT_PAGE_SIZE = 80,
    AT_PAGE_COUNT = 84,
    AT_DB_PAGES = 88,
    AT_COMMITS = 96,
    AT_TIME = 104,
    AT_BODY_HASH = 112,
    AT_DIGEST = BSC_LOGS_FORMAT_HEADER - BSC_DIGEST_BYTES,
    ID_BYTES = 16
};

static void put(unsigned char *at, uint64_t number, size_t bytes)
{
    for (size_t i = 0; i < bytes; i++)
        at[i] = (unsigned char)(number >> (8 * i));
}

static uint64_t take(const unsigned char *at, size_t bytes)
{
    uint64_t number = 0;
    for (size_t i = 0; i < bytes; i++)
        number |= (uint64_t)at[i] << (8 * i);
    return number;
}

static unsigned hex_digit(char c)
{
    return (unsigned)(c >= 'a' ? c - 'a' + 10 : c - '0') & 15U;
}

static void put_id(unsigned char *at, const char *hex)
{
    if (hex[0] == '\0')
        return;
    for (size_t i = 0; i < ID_BYTES; i++)
        at[i] = (unsigned char)(hex_digit(hex[2 * i]) << 4 | hex_digit(hex[2 * i + 1]));
}

static void take_id(const unsigned char *at, char hex[BSC_LOGS_ID_HEX])
{
    static const char digits[] = "0123456789abcdef";
    unsigned any = 0;
    for (size_t i = 0; i < ID_BYTES; i++) {
        any |= at[i];
        hex[2 * i] = digits[at[i] >> 4];
        hex[2 * i + 1] = digits[at[i] & 15];
    }
    hex[any == 0 ? 0 : 2 * ID_BYTES] = '\0';
}

size_t bsc_logs_format_entry(const struct bsc_logs_header *header)
{
    return (size_t)header->page_size + sizeof(uint32_t);
}

int64_t bsc_logs_format_bytes(const struct bsc_logs_header *header)
{
    return BSC_LOGS_FORMAT_HEADER +
           (int64_t)header->page_count * (int64_t)bsc_logs_format_entry(header);
}

char *bsc_logs_format_name(const char *database, int64_t last_lsn)
{
    return bsc_mem_format("%s_%0*lld" BSC_LOGS_FORMAT_SUFFIX, database, BSC_LOGS_FORMAT_LSN_DIGITS,
                          (long long)last_lsn);
}

bool bsc_logs_format_is_name(const char *name, int64_t *ret_last_lsn)
{
    const size_t tail = 1 + BSC_LOGS_FORMAT_LSN_DIGITS + strlen(BSC_LOGS_FORMAT_SUFFIX);
    size_t length = strlen(name);
    if (name[0] == '.' || length <= tail)
        return false;
    const char *end = name + length - tail;
    if (end[0] != '_' || strcmp(end + 1 + BSC_LOGS_FORMAT_LSN_DIGITS, BSC_LOGS_FORMAT_SUFFIX) != 0)
        return false;
    for (size_t i = 1; i <= BSC_LOGS_FORMAT_LSN_DIGITS; i++)
        if (end[i] < '0' || end[i] > '9')
            return false;
    return bsc_num_parse(end + 1, BSC_LOGS_FORMAT_LSN_DIGITS, ret_last_lsn);
}

bool bsc_logs_format_is_partial(const char *name)
{
    static const char suffix[] = BSC_LOGS_FORMAT_SUFFIX ".partial";
    size_t length = strlen(name);
    return name[0] == '.' && length > sizeof suffix &&
           strcmp(name + length - (sizeof suffix - 1), suffix) == 0;
}

void bsc_logs_format_encode(struct bsc_logs_header *header,
                            unsigned char ret_bytes[BSC_LOGS_FORMAT_HEADER])
{
    memset(ret_bytes, 0, BSC_LOGS_FORMAT_HEADER);
    memcpy(ret_bytes, magic, sizeof magic);
    put(ret_bytes + AT_VERSION, BSC_LOGS_FORMAT_VERSION, 4);
    put(ret_bytes + AT_HEADER_BYTES, BSC_LOGS_FORMAT_HEADER, 4);
    put_id(ret_bytes + AT_DATABASE_ID, header->database_id);
    put_id(ret_bytes + AT_FORK, header->fork);
    put_id(ret_bytes + AT_PREVIOUS_FORK, header->previous_fork);
    put(ret_bytes + AT_FIRST_LSN, (uint64_t)header->first_lsn, 8);
    put(ret_bytes + AT_LAST_LSN, (uint64_t)header->last_lsn, 8);
    put(ret_bytes + AT_PAGE_SIZE, header->page_size, 4);
    put(ret_bytes + AT_PAGE_COUNT, header->page_count, 4);
    put(ret_bytes + AT_DB_PAGES, header->db_pages, 4);
    put(ret_bytes + AT_COMMITS, (uint64_t)header->commits, 8);
    put(ret_bytes + AT_TIME, (uint64_t)header->time_ms, 8);
    memcpy(ret_bytes + AT_BODY_HASH, header->body_hash, BSC_DIGEST_BYTES);
    bsc_digest_bytes(ret_bytes, AT_DIGEST, header->digest);
    memcpy(ret_bytes + AT_DIGEST, header->digest, BSC_DIGEST_BYTES);
}

static void take_fields(const unsigned char *bytes, struct bsc_logs_header *header)
{
    take_id(bytes + AT_DATABASE_ID, header->database_id);
    take_id(bytes + AT_FORK, header->fork);
    take_id(bytes + AT_PREVIOUS_FORK, header->previous_fork);
    header->first_lsn = (int64_t)take(bytes + AT_FIRST_LSN, 8);
    header->last_lsn = (int64_t)take(bytes + AT_LAST_LSN, 8);
    header->page_size = (uint32_t)take(bytes + AT_PAGE_SIZE, 4);
    header->page_count = (uint32_t)take(bytes + AT_PAGE_COUNT, 4);
    header->db_pages = (uint32_t)take(bytes + AT_DB_PAGES, 4);
    header->commits = (int64_t)take(bytes + AT_COMMITS, 8);
    header->time_ms = (int64_t)take(bytes + AT_TIME, 8);
    memcpy(header->body_hash, bytes + AT_BODY_HASH, BSC_DIGEST_BYTES);
    memcpy(header->digest, bytes + AT_DIGEST, BSC_DIGEST_BYTES);
}

static bool fields_make_sense(const struct bsc_logs_header *h)
{
    return h->database_id[0] != '\0' && h->fork[0] != '\0' && h->first_lsn >= 0 &&
           h->last_lsn > h->first_lsn && h->page_size >= 512 && h->page_size <= 65536 &&
           (h->page_size & (h->page_size - 1)) == 0 && h->db_pages >= 1 && h->page_count >= 1 &&
           h->page_count <= h->db_pages && h->commits >= 1 && h->time_ms >= 0;
}

bool bsc_logs_format_decode(const char *name, const unsigned char bytes[BSC_LOGS_FORMAT_HEADER],
                            struct bsc_logs_header *ret_header, struct bsc_err *err)
{
    unsigned char digest[BSC_DIGEST_BYTES] = {0};
    if (memcmp(bytes, magic, sizeof magic) != 0)
        return bsc_err_set(err, BSC_ERR_DAMAGED, "'%s' is not a log backup: it begins otherwise",
                           name);
    bsc_digest_bytes(bytes, AT_DIGEST, digest);
    if (memcmp(digest, bytes + AT_DIGEST, BSC_DIGEST_BYTES) != 0)
        return bsc_err_set(err, BSC_ERR_DAMAGED,
                           "the header of '%s' does not match its own checksum", name);
    if (take(bytes + AT_VERSION, 4) != BSC_LOGS_FORMAT_VERSION ||
        take(bytes + AT_HEADER_BYTES, 4) != BSC_LOGS_FORMAT_HEADER)
        return bsc_err_set(err, BSC_ERR_DAMAGED, "'%s' has log backup format %u, which is unknown",
                           name, (unsigned)take(bytes + AT_VERSION, 4));
    take_fields(bytes, ret_header);
    if (!fields_make_sense(ret_header))
        return bsc_err_set(err, BSC_ERR_DAMAGED, "the header of '%s' makes no sense", name);
    return true;
}

static bool peek_open(const struct bsc_sys *sys, int fd, const char *path,
                      struct bsc_logs_header *ret_header, struct bsc_err *err)
{
    unsigned char bytes[BSC_LOGS_FORMAT_HEADER];
    struct stat st = {0};
    size_t got = 0;
    const char *name = bsc_files_name_of(path);
    if (!bsc_logs_io_read_at(sys, fd, path, bytes, sizeof bytes, 0, &got, err))
        return false;
    if (got < sizeof bytes)
        return bsc_err_set(err, BSC_ERR_DAMAGED,
                           "'%s' is cut off: %zu bytes are too few for a log backup", name, got);
    if (!bsc_logs_format_decode(name, bytes, ret_header, err))
        return false;
    if (sys->fstat(sys->self, fd, &st) != 0)
        return bsc_err_sys(err, errno, "cannot look at '%s'", path);
    if ((int64_t)st.st_size != bsc_logs_format_bytes(ret_header))
        return bsc_err_set(err, BSC_ERR_DAMAGED, "'%s' has %lld bytes instead of %lld", name,
                           (long long)st.st_size, (long long)bsc_logs_format_bytes(ret_header));
    return true;
}

bool bsc_logs_format_peek(const struct bsc_sys *sys, const char *path,
                          struct bsc_logs_header *ret_header, struct bsc_err *err)
{
    int fd = bsc_logs_io_open(sys, path, err);
    if (fd < 0)
        return false;
    bool ok = peek_open(sys, fd, path, ret_header, err);
    bsc_logs_io_close(sys, &fd, path, ok ? &(struct bsc_err)BSC_ERR_INIT : err);
    return ok;
}

/*
 * Reading a long log of PostgreSQL on several processors at once.
 *
 * A log is divided where files begin, into more parts than there are threads that read them. Each
 * is read up to the first record of the next one: they are one log only where both have found the
 * same record there. Whatever is odd is left to whoever reads the log from one end to the other.
 * May include base and os.
 */
#ifndef BSC_LOGS_PG_PARTS_H
#define BSC_LOGS_PG_PARTS_H

#include "logs/pg_log.h"

/* Reads the log of an order whose last file begins at `last_file`. True where all of it counts up
 * to where *ret_reader ends, as it would if that had read it alone: the caller releases it, and
 * *ret_time_us is when the last transaction ended, 0 where none did. False where it is too short to
 * be divided, or has to be read as a whole. */
bool bsc_logs_pg_parts_read(const struct bsc_logs_pg_order *order, uint64_t last_file,
                            struct bsc_logs_pg_reader *ret_reader, int64_t *ret_time_us);

#endif

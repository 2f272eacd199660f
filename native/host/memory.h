/* A storage in memory that behaves like NOR flash: it counts, it refuses what a flash would, and its power fails on request.
 * For the host: tests, fuzzing and fuota.device.native. */
#ifndef FUOTA_HOST_MEMORY_H
#define FUOTA_HOST_MEMORY_H

#include <stdint.h>

typedef struct {
    uint8_t *octets;
    uint32_t size, rows_end; /* octets altogether; where the marks begin */
    uint32_t row, granularity;
    uint32_t row_reads, row_writes, mark_reads, mark_writes;
    uint32_t rewritten; /* writes to a row or mark that was not blank */
    uint32_t faults;    /* reads and writes that the contract forbids, and bits that a flash cannot set */
    uint32_t writes_left; /* until the power fails */
    uint32_t reads_left;  /* until reading fails, for good */
    uint32_t torn;        /* how many octets of the write that it fails in still reach the storage; or MEMORY_SCATTERED: some bits do */
} memory_t;

#define MEMORY_ENDLESS 0xFFFFFFFFu
#define MEMORY_SCATTERED 0xFFFFFFFFu

int memory_read(void *context, uint32_t offset, void *data, uint32_t length);
int memory_write(void *context, uint32_t offset, const void *data, uint32_t length);

#endif

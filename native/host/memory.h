/* A storage in memory that behaves like NOR flash: it counts accesses, refuses what a flash would refuse, and loses power on request.
 * For use on the host: tests, fuzzing and fuota.device.native. */
#ifndef FUOTA_HOST_MEMORY_H
#define FUOTA_HOST_MEMORY_H

#include <stdint.h>

typedef struct {
    uint8_t *octets;
    uint32_t size, rows_end; /* number of bytes; offset at which the marks begin */
    uint32_t row, granularity;
    uint32_t row_reads, row_writes, mark_reads, mark_writes;
    uint32_t rewritten; /* number of writes to a row or mark that was not blank */
    uint32_t faults;    /* number of accesses that the contract forbids, and of writes that would set bits */
    uint32_t writes_left; /* number of writes until the power fails */
    uint32_t reads_left;  /* number of reads until reading fails permanently */
    uint32_t torn;        /* number of bytes of the interrupted write that reach the storage; MEMORY_SCATTERED: some bits */
} memory_t;

#define MEMORY_ENDLESS 0xFFFFFFFFu
#define MEMORY_SCATTERED 0xFFFFFFFFu

int memory_read(void *context, uint32_t offset, void *data, uint32_t length);
int memory_write(void *context, uint32_t offset, const void *data, uint32_t length);

#endif

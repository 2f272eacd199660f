/* Simulated flash chip: 512 KiB of the board's PSRAM that behave like a serial NOR flash. Erased bytes read 0xFF, an erase
   clears whole sectors, a write only clears bits, and the content outlives a reset of the machine. */
#ifndef FLASH_H
#define FLASH_H

#include <stddef.h>
#include <stdint.h>

#ifndef FLASH_BASE /* a test uses another address */
#define FLASH_BASE 0x21000000u /* AN385, memory map: PSRAM */
#endif
#define FLASH_BYTES 0x80000u
#define FLASH_SECTOR 0x1000u

/* Offsets of the parts. Each part begins with a sector. */
#define SLOT_BYTES 0x10000u
#define SLOT_OFFSET(slot) ((slot) * SLOT_BYTES)
#define RECORDS_OFFSET 0x20000u /* slots.c */
#define RECORDS_BYTES FLASH_SECTOR
#define SESSION_OFFSET 0x21000u /* update.c, from here to the end */
#define SESSION_BYTES FLASH_SECTOR
#define MARKS_OFFSET 0x22000u
#define MARKS_BYTES 0x4000u
#define ROWS_OFFSET 0x26000u
#define ROWS_BYTES (FLASH_BYTES - ROWS_OFFSET)

/* The chip is mapped into the address space for reading, as with execute-in-place. */
static inline const uint8_t *flash_at(uint32_t offset) { return (const uint8_t *)FLASH_BASE + offset; }
static inline uint32_t flash_word(uint32_t offset) { return *(const volatile uint32_t *)(FLASH_BASE + offset); }

/* Erases every sector that overlaps the range. */
void flash_erase(uint32_t offset, uint32_t length);

/* Returns 0 if the data was written, 1 if a bit would change from 0 to 1 or the range leaves the chip; then nothing was
   changed. An aligned word is written at once, so after a reset it is there or not; longer data may be cut off. */
int flash_write(uint32_t offset, const void *data, uint32_t length);

#endif

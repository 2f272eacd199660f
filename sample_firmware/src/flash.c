#include "flash.h"

#include <string.h>

static volatile uint8_t *cell(uint32_t offset) { return (volatile uint8_t *)FLASH_BASE + offset; }

void flash_erase(uint32_t offset, uint32_t length) {
    uint32_t within = FLASH_SECTOR - 1u;
    uint32_t end = length ? (offset + length + within) & ~within : 0;
    for (uint32_t at = offset & ~within; at < end && at < FLASH_BYTES; at += 4) *(volatile uint32_t *)cell(at) = 0xFFFFFFFFu;
}

static int can_write(uint32_t offset, const uint8_t *data, uint32_t length) {
    if (offset > FLASH_BYTES || length > FLASH_BYTES - offset) return 0;
    for (uint32_t i = 0; i < length; i++) {
        if (data[i] & ~*cell(offset + i)) return 0;
    }
    return 1;
}

int flash_write(uint32_t offset, const void *data, uint32_t length) {
    const uint8_t *bytes = data;
    if (!can_write(offset, bytes, length)) return 1;
    for (; length && offset % 4; length--) *cell(offset++) = *bytes++;
    for (; length >= 4; length -= 4, offset += 4, bytes += 4) {
        uint32_t word;
        memcpy(&word, bytes, sizeof word);
        *(volatile uint32_t *)cell(offset) = word;
    }
    for (; length; length--) *cell(offset++) = *bytes++;
    return 0;
}

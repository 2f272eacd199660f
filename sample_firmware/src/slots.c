#include "slots.h"

#include <string.h>

#include "flash.h"
#include "sha256.h"
#include "version.h"

#define BLANK 0xFFFFFFFFu

/* The upper half is the complement of the lower half, so erased or cleared flash is not a record. */
static uint32_t encoded(uint32_t kind, uint32_t slot) {
    uint32_t low = kind << 8 | slot;
    return low | (low ^ 0xFFFFu) << 16;
}

static void take(boot_state_t *state, uint32_t word) {
    uint8_t slot = (uint8_t)word;
    if (slot >= SLOT_COUNT) return;
    if (word == encoded(RECORD_ACTIVE, slot)) {
        state->active = slot;
        state->trial = SLOT_NONE;
    } else if (word == encoded(RECORD_TRIAL, slot)) {
        state->trial = slot;
        state->attempts = 0;
    } else if (word == encoded(RECORD_ATTEMPT, slot) && slot == state->trial) {
        state->attempts++;
    }
}

boot_state_t slots_state(void) {
    boot_state_t state = {SLOT_NONE, SLOT_NONE, 0, 0};
    uint32_t at = 0;
    for (; at < RECORDS_BYTES && flash_word(RECORDS_OFFSET + at) != BLANK; at += 4) take(&state, flash_word(RECORDS_OFFSET + at));
    state.room = (uint16_t)((RECORDS_BYTES - at) / 4);
    return state;
}

int slots_record(record_kind_t kind, uint8_t slot) {
    uint32_t word = encoded(kind, slot), room = slots_state().room;
    return room == 0 || flash_write(RECORDS_OFFSET + RECORDS_BYTES - 4 * room, &word, sizeof word);
}

static int has_its_digest(const uint8_t *image, uint32_t length) {
    sha256_t context;
    uint8_t digest[SHA256_BYTES];
    sha256_init(&context);
    sha256_update(&context, image, length - SHA256_BYTES);
    sha256_final(&context, digest);
    return memcmp(digest, image + length - SHA256_BYTES, SHA256_BYTES) == 0;
}

const image_id_t *slots_image(uint8_t slot, const char **why) {
    const uint8_t *image = flash_at(SLOT_OFFSET(slot));
    const image_id_t *id = (const image_id_t *)(image + IMAGE_ID_OFFSET);
    *why = "no image";
    if (memcmp(id->magic, "FWID", 4) || id->layout != IMAGE_ID_LAYOUT) return NULL;
    *why = "length";
    if (id->length < IMAGE_ID_OFFSET + sizeof *id + SHA256_BYTES || id->length > SLOT_BYTES) return NULL;
    *why = "other hardware";
    if (id->hardware_id != FW_HARDWARE_ID) return NULL;
    *why = "SHA-256";
    return has_its_digest(image, id->length) ? id : NULL;
}

#include "update.h"

#include <string.h>

#include "board.h"
#include "flash.h"
#include "fuota_frag.h"
#include "image.h"
#include "shell.h"
#include "slots.h"
#include "uart.h"

/* Memory of the decoder, for about 200 lost fragments (the console shows the number: `session: ... may be lost`). */
#define WORKSPACE_WORDS 768u
#define SPARE_ROWS 16u /* for resets and unusual orders: fuota_frag.h, `scratch` */
#define GRANULARITY 1u /* a serial flash writes single bytes, so the block has no gaps for any size of fragment */

/* The first words of the session's sector. `valid` is written last and cleared first. */
typedef struct {
    uint32_t valid;
    update_setup_t setup;
    uint32_t slot;    /* slot that receives the block */
    uint32_t started; /* cleared when the trial of the image is recorded, so that it is recorded once */
} session_t;

#define VALID 0x53455353u /* "SESS" */

typedef enum { NONE, RECEIVING, WHOLE, SPOILT } state_t;

static fuota_frag_t decoder;
static uint32_t workspace[WORKSPACE_WORDS];
static state_t state;
static int result; /* last result of the decoder; an error stays */
static uint16_t received;

static const session_t *session(void) { return (const session_t *)flash_at(SESSION_OFFSET); }

/* The slot holds this image, or an image that was tried and rejected. */
static int was_started(void) { return session()->started == 0; }

static uint32_t block_length(const update_setup_t *setup) {
    return (uint32_t)setup->nb_frag * setup->frag_size - setup->padding;
}

/* --- storage of the decoder: the block in its slot, other rows and all marks in separate parts */

static uint32_t place(uint32_t offset) {
    uint32_t block = (uint32_t)decoder.nb_frag * decoder.frag_size;
    uint32_t rows = block + (uint32_t)(decoder.scratch + decoder.capacity) * decoder.frag_size;
    if (offset < block) return SLOT_OFFSET(session()->slot) + offset;
    return offset < rows ? ROWS_OFFSET + offset - block : MARKS_OFFSET + offset - rows;
}

static int read_storage(void *context, uint32_t offset, void *data, uint32_t length) {
    (void)context;
    memcpy(data, flash_at(place(offset)), length);
    return 0;
}

static int write_storage(void *context, uint32_t offset, const void *data, uint32_t length) {
    (void)context;
    return flash_write(place(offset), data, length);
}

static int fits(uint32_t nb_frag, uint32_t capacity, uint32_t frag_size) {
    uint32_t rows = 2 * capacity + SPARE_ROWS;
    return FUOTA_FRAG_WORKSPACE(nb_frag, capacity, frag_size, GRANULARITY) <= sizeof workspace &&
           rows * frag_size <= ROWS_BYTES && (nb_frag + rows) * FUOTA_FRAG_MARK(GRANULARITY) <= MARKS_BYTES;
}

/* Returns the number of losses that the memory allows; 0 means none. */
static uint32_t largest_capacity(const update_setup_t *setup) {
    uint32_t capacity = setup->nb_frag < WORKSPACE_WORDS ? setup->nb_frag : WORKSPACE_WORDS;
    while (capacity && !fits(setup->nb_frag, capacity, setup->frag_size)) capacity--;
    return capacity;
}

static void set_decoder(const update_setup_t *setup) {
    uint32_t capacity = largest_capacity(setup);
    decoder = (fuota_frag_t){
        .read = read_storage,
        .write = write_storage,
        .workspace = workspace,
        .workspace_words = WORKSPACE_WORDS,
        .nb_frag = setup->nb_frag,
        .capacity = (uint16_t)capacity,
        .scratch = (uint16_t)(capacity + SPARE_ROWS),
        .frag_size = setup->frag_size,
        .granularity = GRANULARITY,
        .version = FUOTA_FRAG_V1,
        .frag_index = setup->frag_index,
    };
}

/* --- the session */

static void invalidate(uint32_t offset) {
    const uint32_t zero = 0;
    flash_write(SESSION_OFFSET + offset, &zero, sizeof zero);
}

static void keep(const update_setup_t *setup, uint8_t slot) {
    session_t made = {.valid = VALID, .setup = *setup, .slot = slot, .started = 0xFFFFFFFFu};
    uint32_t rest = offsetof(session_t, setup);
    flash_erase(SESSION_OFFSET, SESSION_BYTES);
    flash_write(SESSION_OFFSET + rest, &made.setup, sizeof made - rest);
    flash_write(SESSION_OFFSET, &made.valid, sizeof made.valid);
}

static uint8_t spare_slot(void) {
    boot_state_t boot = slots_state();
    uint8_t runs = boot.trial != SLOT_NONE ? boot.trial : boot.active;
    return runs == SLOT_NONE || boot.room < RECORDS_PER_UPDATE ? SLOT_NONE : (uint8_t)(1u - runs);
}

int update_begin(const update_setup_t *setup) {
    uint8_t slot = spare_slot();
    if (slot == SLOT_NONE || !setup->nb_frag || !setup->frag_size || setup->padding >= setup->frag_size ||
        (uint32_t)setup->nb_frag * setup->frag_size > SLOT_BYTES || largest_capacity(setup) == 0)
        return 1;
    update_end();
    flash_erase(SLOT_OFFSET(slot), SLOT_BYTES);
    flash_erase(MARKS_OFFSET, MARKS_BYTES);
    flash_erase(ROWS_OFFSET, ROWS_BYTES);
    keep(setup, slot);
    set_decoder(setup);
    if ((result = fuota_frag_init(&decoder)) < 0) {
        update_end();
        return 1;
    }
    state = RECEIVING;
    received = 0;
    shell_notice("session: %u fragments of %u bytes into slot %u, %u may be lost", setup->nb_frag, setup->frag_size, slot,
                 decoder.capacity);
    return 0;
}

void update_init(void) {
    if (session()->valid != VALID) return;
    set_decoder(&session()->setup);
    if ((result = fuota_frag_resume(&decoder)) < 0) {
        update_end();
        return;
    }
    state = RECEIVING;
    received = (uint16_t)(decoder.nb_frag - fuota_frag_missing(&decoder));
    if (was_started()) return;
    shell_notice("session resumed: %lu of %u fragments missing", (unsigned long)fuota_frag_missing(&decoder),
                 decoder.nb_frag);
}

void update_end(void) {
    invalidate(offsetof(session_t, valid));
    state = NONE;
}

const update_setup_t *update_setup(void) { return state == NONE ? NULL : &session()->setup; }

static void judge(int given) {
    if (given == FUOTA_FRAG_TOO_MANY) shell_notice("session failed: too many fragments were lost");
    if (given == FUOTA_FRAG_STORAGE) shell_notice("session failed: the flash");
    result = given;
}

void update_fragment(uint16_t index_and_n, const uint8_t *payload, size_t length) {
    if (state != RECEIVING || result < 0 || fuota_frag_missing(&decoder) == 0) return;
    int given = fuota_frag_feed(&decoder, index_and_n, payload, (uint32_t)length);
    if (given == FUOTA_FRAG_REFUSED) return;
    if (received < 0x3FFFu) received++;
    judge(given);
}

update_progress_t update_progress(void) {
    return (update_progress_t){received, (uint16_t)fuota_frag_missing(&decoder), result == FUOTA_FRAG_TOO_MANY};
}

/* Checks whether the complete block is an image for this device. TS004 version 1 cannot prove it, the image can: see README.md. */
static void check(void) {
    uint8_t slot = (uint8_t)session()->slot;
    const char *why;
    const image_id_t *id = slots_image(slot, &why);
    if (id && id->length != block_length(&session()->setup)) {
        id = NULL;
        why = "length";
    }
    state = id ? WHOLE : SPOILT;
    if (was_started()) return;
    if (id) {
        shell_notice("slot %u is whole after %u fragments: %s %u.%u.%u, SHA-256 right", slot, received, id->name, id->major,
                     id->minor, id->patch);
    } else {
        shell_notice("slot %u refused: %s", slot, why);
    }
}

int update_step(void) {
    if (state != RECEIVING || result < 0 || fuota_frag_missing(&decoder)) return 0;
    judge(fuota_frag_step(&decoder));
    if (result == FUOTA_FRAG_DONE) check();
    return 1;
}

void update_start(void) {
    while (update_step()) {}
    uint8_t slot = (uint8_t)session()->slot;
    if (state != WHOLE || was_started() || slot != spare_slot()) return;
    shell_notice("restart into slot %u", slot);
    if (slots_record(RECORD_TRIAL, slot)) return;
    invalidate(offsetof(session_t, started));
    reset_machine();
}

void update_confirm(void) {
    static uint8_t confirmed;
    if (confirmed) return;
    confirmed = 1;
    uint8_t trial = slots_state().trial;
    if (trial != SLOT_NONE && slots_record(RECORD_ACTIVE, trial) == 0) shell_notice("slot %u confirmed", trial);
}

static void print_slot(uint8_t slot, boot_state_t boot) {
    const char *why;
    const image_id_t *id = slots_image(slot, &why);
    uart_printf("slot %u%s%s: ", slot, slot == boot.active ? ", active" : "", slot == boot.trial ? ", on trial" : "");
    if (id) {
        uart_printf("%s %u.%u.%u, %lu bytes\n", id->name, id->major, id->minor, id->patch, (unsigned long)id->length);
    } else {
        uart_printf("%s\n", why);
    }
}

void update_print(void) {
    static const char *const STATES[] = {"none", "receiving", "image whole", "image refused"};
    boot_state_t boot = slots_state();
    if (boot.active == SLOT_NONE) {
        uart_printf("started without the boot loader: no updates\n");
        return;
    }
    for (uint8_t slot = 0; slot < SLOT_COUNT; slot++) print_slot(slot, boot);
    uart_printf("session: %s", STATES[state]);
    if (state == NONE) {
        uart_printf("\n");
    } else {
        uart_printf(", %u fragments received, %u of %u missing\n", received, update_progress().missing, decoder.nb_frag);
    }
}

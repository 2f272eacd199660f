/* Receives an image into the slot that does not run, checks it, and has the boot loader try it. All of it is in the flash: a
   reset at any time loses at most the fragment that was being taken. */
#ifndef UPDATE_H
#define UPDATE_H

#include <stddef.h>
#include <stdint.h>

/* FragSessionSetupReq (TS004-1.0.0), but for its descriptor, which this device does not use. */
typedef struct {
    uint8_t group_mask, frag_index;
    uint16_t nb_frag;
    uint8_t frag_size, block_ack_delay, padding;
} update_setup_t;

typedef struct {
    uint16_t received; /* fragments, repeats too; counted again from those that count after a reset */
    uint16_t missing;
    uint8_t out_of_memory; /* more was lost than the decoder can hold */
} update_progress_t;

/* Goes on with the session that the flash holds. */
void update_init(void);

/* Ends the session that there is, and begins one. 0, or 1 where the device has no room for it. */
int update_begin(const update_setup_t *setup);

/* The session, or NULL. */
const update_setup_t *update_setup(void);

void update_fragment(uint16_t index_and_n, const uint8_t *payload, size_t length);

update_progress_t update_progress(void);

/* A bounded part of the decoding or the check, which is to be done whenever there is time; 0 when there is nothing to do. */
int update_step(void);

/* Forgets the session; the block stays in its slot. */
void update_end(void);

/* Where the session's image is whole: has the boot loader try it, and does not return. */
void update_start(void);

/* This image works: it started, and it hears the radio. Ends its trial. */
void update_confirm(void);

/* In words, on the console. */
void update_print(void);

#endif

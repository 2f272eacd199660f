/* Receives an image into the spare slot, checks it, and lets the boot loader try it. All state is in the flash: a reset at
   any time loses at most the fragment that was being written. */
#ifndef UPDATE_H
#define UPDATE_H

#include <stddef.h>
#include <stdint.h>

/* FragSessionSetupReq (TS004-1.0.0) without the descriptor, which this device does not use. */
typedef struct {
    uint8_t group_mask, frag_index;
    uint16_t nb_frag;
    uint8_t frag_size, block_ack_delay, padding;
} update_setup_t;

typedef struct {
    uint16_t received; /* fragments including repeats; after a reset, the fragments that still count */
    uint16_t missing;
    uint8_t out_of_memory; /* more fragments were lost than the decoder can hold */
} update_progress_t;

/* Continues the session in the flash. */
void update_init(void);

/* Ends the current session and begins another. Returns 0, or 1 if the device has no room for it. */
int update_begin(const update_setup_t *setup);

/* Returns the session, or NULL. */
const update_setup_t *update_setup(void);

void update_fragment(uint16_t index_and_n, const uint8_t *payload, size_t length);

update_progress_t update_progress(void);

/* Does a bounded part of the decoding or the check. Call it when there is time; returns 0 if there is nothing to do. */
int update_step(void);

/* Deletes the session; the block stays in its slot. */
void update_end(void);

/* If the session's image is complete, lets the boot loader try it and does not return. */
void update_start(void);

/* Ends the trial of this image, which has started and receives from the modem. */
void update_confirm(void);

/* Prints the state of the update on the console. */
void update_print(void);

#endif

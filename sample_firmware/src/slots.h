/* Two slots for images in the flash, and the record of which one is to start. The boot loader and the firmware share this.

   A record is a word; they are written one after the other, never changed:
     ACTIVE  s   slot s is the one to start
     TRIAL   s   slot s holds a new image: start it, TRIAL_ATTEMPTS times at most
     ATTEMPT s   the boot loader is about to start it
   A trial ends with the next ACTIVE: of the new slot, by the new image itself once it has heard the radio, or of the old slot,
   by the boot loader after the last attempt. So each step is one word, which a loss of power finds written or not. */
#ifndef SLOTS_H
#define SLOTS_H

#include <stdint.h>

#include "image.h"

#define SLOT_COUNT 2u
#define SLOT_NONE 0xFFu
#define TRIAL_ATTEMPTS 3u
#define RECORDS_PER_UPDATE (TRIAL_ATTEMPTS + 2u)

typedef enum { RECORD_ACTIVE = 1, RECORD_TRIAL, RECORD_ATTEMPT } record_kind_t;

typedef struct {
    uint8_t active;   /* the slot that is known to work, or SLOT_NONE where there is no record, as without the boot loader */
    uint8_t trial;    /* the slot that is being tried, or SLOT_NONE */
    uint8_t attempts; /* how often it was started */
    uint16_t room;    /* for so many further records */
} boot_state_t;

boot_state_t slots_state(void);

/* 0: written. */
int slots_record(record_kind_t kind, uint8_t slot);

/* The identification block of a slot whose image is whole, for this hardware and has the digest that it ends with; else NULL
   and a word for what is wrong in *why. */
const image_id_t *slots_image(uint8_t slot, const char **why);

#endif

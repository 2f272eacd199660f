/* Two slots for images in the flash, and records that select the slot to start. The boot loader and the firmware share this.

   A record is a word. Records are appended and never changed:
     ACTIVE  s   start slot s
     TRIAL   s   slot s holds a new image: start it, TRIAL_ATTEMPTS times at most
     ATTEMPT s   the boot loader is about to start slot s
   The next ACTIVE ends a trial. The new image writes it for its own slot when it first receives from the modem; the boot loader
   writes it for the old slot after the last attempt. Each step is one word, so a loss of power leaves it written or not. */
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
    uint8_t active;   /* slot of the working image, or SLOT_NONE if there is no record, as without the boot loader */
    uint8_t trial;    /* slot on trial, or SLOT_NONE */
    uint8_t attempts; /* number of starts of the slot on trial */
    uint16_t room;    /* number of further records that fit */
} boot_state_t;

boot_state_t slots_state(void);

/* Appends a record. Returns 0 if it was written. */
int slots_record(record_kind_t kind, uint8_t slot);

/* Returns the identification block of the image in a slot, if the image is complete, is for this hardware and matches its
   digest. Otherwise returns NULL and the reason in *why. */
const image_id_t *slots_image(uint8_t slot, const char **why);

#endif

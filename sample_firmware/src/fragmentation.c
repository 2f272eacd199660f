#include "fragmentation.h"

#include "modem.h"
#include "update.h"

#define PACKAGE_IDENTIFIER 3u
#define PACKAGE_VERSION 1u

enum { PACKAGE_VERSION_REQ, STATUS_REQ, SETUP_REQ, DELETE_REQ, KINDS, DATA_FRAGMENT = 8 };

static const uint8_t LENGTHS[KINDS] = {[STATUS_REQ] = 1, [SETUP_REQ] = 10, [DELETE_REQ] = 1};

#define SETUP_NO_ALGORITHM 0x01u
#define SETUP_NO_MEMORY 0x02u
#define SETUP_NO_INDEX 0x04u
#define DELETE_NO_SESSION 0x04u
#define STATUS_MEMORY 0x01u

#define ANSWERS_MAX 48u

typedef struct {
    uint8_t octets[ANSWERS_MAX];
    uint8_t length;
} answers_t;

static void put(answers_t *answers, uint8_t octet) {
    if (answers->length < ANSWERS_MAX) answers->octets[answers->length++] = octet;
}

/* FragSessionSetupAns: the error bits, and FragIndex in the upper bits. This device has one session, with index 0. */
static uint8_t set_up(const uint8_t *request) {
    update_setup_t setup = {
        .group_mask = request[0] & 0x0Fu,
        .frag_index = request[0] >> 4 & 3u,
        .nb_frag = (uint16_t)(request[1] | request[2] << 8),
        .frag_size = request[3],
        .block_ack_delay = request[4] & 7u,
        .padding = request[5],
    };
    uint8_t refused = 0;
    if (request[4] >> 3 & 7u) refused |= SETUP_NO_ALGORITHM;
    if (setup.frag_index) refused |= SETUP_NO_INDEX;
    if (!refused && update_begin(&setup)) refused = SETUP_NO_MEMORY;
    return (uint8_t)(refused | setup.frag_index << 6);
}

static uint8_t delete(uint8_t index) {
    if (index == 0 && update_setup() != NULL) {
        update_end();
        return index;
    }
    return index | DELETE_NO_SESSION;
}

/* FragSessionStatusAns is sent alone, after its random delay. In version 1 there is no answer without a session. */
static void tell_status(uint8_t request) {
    const update_setup_t *setup = update_setup();
    update_progress_t progress = update_progress();
    int everybody = request & 1;
    if (setup == NULL || (request >> 1 & 3u) != setup->frag_index || (!everybody && progress.missing == 0)) return;
    uint8_t answer[] = {
        STATUS_REQ,
        (uint8_t)progress.received,
        (uint8_t)(progress.received >> 8 | setup->frag_index << 6),
        (uint8_t)(progress.missing > 255 ? 255 : progress.missing),
        progress.out_of_memory ? STATUS_MEMORY : 0,
    };
    modem_uplink(setup->block_ack_delay, FRAGMENTATION_FPORT, answer, sizeof answer);
}

static void take_fragment(uint8_t group, const uint8_t *payload, size_t length) {
    const update_setup_t *setup = update_setup();
    if (length < 2 || setup == NULL || (group != MODEM_UNICAST && !(setup->group_mask >> (group & 7u) & 1u))) return;
    update_fragment((uint16_t)(payload[0] | payload[1] << 8), payload + 2, length - 2);
}

static void run_unicast(uint8_t cid, const uint8_t *payload, answers_t *answers) {
    put(answers, cid);
    if (cid == PACKAGE_VERSION_REQ) {
        put(answers, PACKAGE_IDENTIFIER);
        put(answers, PACKAGE_VERSION);
    } else {
        put(answers, cid == SETUP_REQ ? set_up(payload) : delete(payload[0] & 3u));
    }
}

void fragmentation_downlink(uint8_t group, const uint8_t *payload, size_t length) {
    answers_t answers = {.length = 0};
    while (length) {
        uint8_t cid = *payload++;
        length--;
        if (cid == DATA_FRAGMENT) take_fragment(group, payload, length);
        if (cid >= KINDS || length < LENGTHS[cid]) break;
        if (cid == STATUS_REQ) {
            tell_status(payload[0]);
        } else if (group == MODEM_UNICAST) {
            run_unicast(cid, payload, &answers);
        }
        payload += LENGTHS[cid];
        length -= LENGTHS[cid];
    }
    if (answers.length) modem_uplink(MODEM_AT_ONCE, FRAGMENTATION_FPORT, answers.octets, answers.length);
}

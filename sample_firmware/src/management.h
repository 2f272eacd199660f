/* Firmware management (TS006-1.0.0). This device implements only the version requests. */
#ifndef MANAGEMENT_H
#define MANAGEMENT_H

#include <stddef.h>
#include <stdint.h>

#define MANAGEMENT_FPORT 203u

/* PackageVersionReq and DevVersionReq; FWversion is 0x00MMmmpp, HWversion the hardware id. Any other command ends the
   message. */
void management_downlink(const uint8_t *payload, size_t length);

#endif

/* Application messages: the report of the running image (docs/image-report.md). */
#ifndef APPLICATION_H
#define APPLICATION_H

#include <stdint.h>

#include "sha256.h"

#define IMAGE_REPORT_FPORT 10u

void application_init(const uint8_t digest[SHA256_BYTES]);

/* Sends the image report. Called when an uplink is due. */
void application_uplink(void);

#endif

/* core/transport/descriptors.h: what a transport reads out of USB descriptors. */
#ifndef STL_DESCRIPTORS_H
#define STL_DESCRIPTORS_H

#include "stl/transport.h"

/*
 * Fill the endpoints and the packet size of interface 0 from a configuration descriptor.
 * ST-LINK: the first bulk IN is the reply endpoint, the second the trace endpoint. False if there is
 * no bulk pair.
 */
bool stl_usb_parse_config(const uint8_t *config, size_t config_count, stl_usb_identity *identity);

/* A string descriptor (header included) as UTF-8; units outside the BMP become '?'. */
void stl_usb_string_utf8(const uint8_t *raw, size_t raw_count, char *text, size_t text_size);

#endif

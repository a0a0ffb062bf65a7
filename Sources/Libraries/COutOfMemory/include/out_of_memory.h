#pragma once

// Lets the program end with a sentence where memory runs out from now on. Until then allocators return NULL.
void end_when_out_of_memory(void);

// Calls of Linux that Glibc's module for Swift hides, since it is built without _GNU_SOURCE.
#pragma once

int fallocate(int descriptor, int mode, long offset, long count);
int memfd_create(const char *name, unsigned flags);
int sync_file_range(int descriptor, long offset, long count, unsigned flags);
int renameat2(int first_directory, const char *first, int second_directory, const char *second, unsigned flags);

// So spelt in <linux/falloc.h>, <linux/memfd.h> and <linux/fs.h>; MADV_COLLAPSE of <linux/mman.h> is in glibc from 2.37 on.
static const int FALLOC_FL_KEEP_SIZE = 1 << 0;
static const unsigned MFD_CLOEXEC = 1 << 0;
static const unsigned RENAME_EXCHANGE = 1 << 1;
static const unsigned RENAME_NOREPLACE = 1 << 0;
static const unsigned SYNC_FILE_RANGE_WRITE = 1 << 1;
static const int madviseCollapse = 25;

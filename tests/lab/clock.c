/* A clock that is wrong, for one process: preloaded, it adds what a file says to the time of day.
 *
 * CLOCK_REALTIME has no namespace, and Go programs ask neither the C library nor the kernel for it but the vDSO, so
 * libfaketime does not reach them. Hence the vDSO's own functions, in this process's copy of it, jump here.
 * The file (8 bytes: nanoseconds, as this machine has them) may change at any time: the clock is then stepped.
 * The times of files beside that one, in /run, are shown by that clock too, to programs that ask the C library as
 * Python does; after a step they have moved with it.
 * Not reached: other file times, timers that were set to a time of day, and programs without a dynamic linker.
 */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <fcntl.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <time.h>
#include <unistd.h>

#ifndef __x86_64__
#error "the jump is written for x86-64"
#endif

#define SECOND 1000000000LL

static const volatile int64_t *ahead; /* nanoseconds */
static dev_t run;

static void shift(struct timespec *time)
{
  int64_t shown = (int64_t)time->tv_sec * SECOND + time->tv_nsec + *ahead;
  time->tv_sec = shown / SECOND;
  time->tv_nsec = shown % SECOND;
}

static int now(clockid_t id, struct timespec *time)
{
  /* Not through the C library: it would ask the vDSO. */
  long result;
  __asm__ volatile("syscall"
                   : "=a"(result)
                   : "a"((long)SYS_clock_gettime), "D"((long)id), "S"(time)
                   : "rcx", "r11", "memory");
  if (result == 0 && (id == CLOCK_REALTIME || id == CLOCK_REALTIME_COARSE || id == CLOCK_TAI))
    shift(time);
  return (int)result;
}

static int time_of_day(struct timeval *time, void *zone)
{
  struct timespec precise;
  (void)zone; /* obsolete */
  if (time != NULL) {
    now(CLOCK_REALTIME, &precise);
    time->tv_sec = precise.tv_sec;
    time->tv_usec = precise.tv_nsec / 1000;
  }
  return 0;
}

static time_t seconds(time_t *time)
{
  struct timespec precise;
  now(CLOCK_REALTIME_COARSE, &precise);
  if (time != NULL)
    *time = precise.tv_sec;
  return precise.tv_sec;
}

static int shifted(int result, struct stat64 *status)
{
  if (result == 0 && ahead != NULL && status->st_dev == run) {
    shift(&status->st_atim);
    shift(&status->st_mtim);
    shift(&status->st_ctim);
  }
  return result;
}

int stat64(const char *path, struct stat64 *status)
{
  return shifted((int)syscall(SYS_stat, path, status), status);
}

int lstat64(const char *path, struct stat64 *status)
{
  return shifted((int)syscall(SYS_lstat, path, status), status);
}

int fstat64(int file, struct stat64 *status)
{
  return shifted((int)syscall(SYS_fstat, file, status), status);
}

int fstatat64(int directory, const char *path, struct stat64 *status, int flags)
{
  return shifted((int)syscall(SYS_newfstatat, directory, path, status, flags), status);
}

static void fail(const char *what)
{
  perror(what);
  _exit(70); /* rather than to run on with the right time */
}

static void redirect(int memory, void *vdso, const char *name, const void *function)
{
  unsigned char jump[] = {0x48, 0xb8, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xe0}; /* mov $function, %rax; jmp *%rax */
  void *found = dlsym(vdso, name);
  if (found == NULL)
    fail(name);
  memcpy(jump + 2, &function, sizeof function);
  /* Written past the protection of the page, as a debugger does; the page becomes this process's own. */
  if (pwrite(memory, jump, sizeof jump, (off_t)(uintptr_t)found) != (ssize_t)sizeof jump)
    fail("/proc/self/mem");
}

__attribute__((constructor)) static void begin(void)
{
  struct stat status;
  const char *path = getenv("LAB_CLOCK");
  int file = path == NULL ? -1 : open(path, O_RDONLY | O_CLOEXEC);
  int memory = open("/proc/self/mem", O_WRONLY | O_CLOEXEC);
  void *vdso = dlopen("linux-vdso.so.1", RTLD_LAZY | RTLD_NOLOAD);
  if (file < 0)
    fail("LAB_CLOCK");
  if (memory < 0 || vdso == NULL)
    fail("/proc/self/mem, vDSO");
  if (syscall(SYS_fstat, file, &status) != 0)
    fail(path);
  run = status.st_dev;
  ahead = mmap(NULL, sizeof *ahead, PROT_READ, MAP_SHARED, file, 0);
  if (ahead == MAP_FAILED)
    fail(path);
  redirect(memory, vdso, "__vdso_clock_gettime", now);
  redirect(memory, vdso, "__vdso_gettimeofday", time_of_day);
  redirect(memory, vdso, "__vdso_time", seconds);
  close(memory);
  close(file);
}

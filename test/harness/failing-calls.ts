// A real process on a disk that fails: a library in front of the C library's, which has fsync,
// fdatasync and rename fail or wait as a folder says while the process runs. (What the runtime
// writes with does not pass there: see RLIMIT_FSIZE for failing writes.)

import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

/** What happens to calls whose path contains a text; each is on while a file of its name exists. */
export type Fault = "sync-fails" | "sync-is-slow" | "rename-fails";

const SOURCE = `
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
static int on(const char *fault, const char *path) {
  char name[512], part[256] = {0};
  snprintf(name, sizeof name, "%s/%s", getenv("FAILING_CALLS"), fault);
  FILE *file = fopen(name, "r");
  if (!file) return 0;
  size_t count = fread(part, 1, sizeof part - 1, file);
  fclose(file);
  return count > 0 && strstr(path, part) != 0;
}
static int synced(int fd, const char *call) {
  char link[64], path[512] = {0};
  snprintf(link, sizeof link, "/proc/self/fd/%d", fd);
  if (readlink(link, path, sizeof path - 1) > 0) {
    if (on("sync-is-slow", path)) sleep(1);
    if (on("sync-fails", path)) return errno = EIO, -1;
  }
  return ((int (*)(int))dlsym(RTLD_NEXT, call))(fd);
}
int fsync(int fd) { return synced(fd, "fsync"); }
int fdatasync(int fd) { return synced(fd, "fdatasync"); }
int rename(const char *from, const char *to) {
  if (on("rename-fails", to)) return errno = EIO, -1;
  return ((int (*)(const char *, const char *))dlsym(RTLD_NEXT, "rename"))(from, to);
}
`;

/** Whether there is a compiler to make the library with. */
export const canFailCalls = process.platform === "linux" && Bun.which("cc") !== null;

/** The faults of one process. */
export class FailingCalls implements Disposable {
  readonly #folder = mkdtempSync(join(tmpdir(), "failing-calls-"));
  /** For the process. */
  readonly environment: Record<string, string>;

  constructor() {
    const library = join(this.#folder, "failing-calls.so");
    const source = join(this.#folder, "failing-calls.c");
    writeFileSync(source, SOURCE);
    const made = Bun.spawnSync(["cc", "-shared", "-fPIC", "-o", library, source, "-ldl"]);
    if (made.exitCode !== 0) throw new Error(made.stderr.toString());
    this.environment = { FAILING_CALLS: this.#folder, LD_PRELOAD: library };
  }

  /** From now on, for paths that contain the text. */
  begin(fault: Fault, part: string): void {
    writeFileSync(join(this.#folder, fault), part);
  }

  end(fault: Fault): void {
    rmSync(join(this.#folder, fault));
  }

  [Symbol.dispose](): void {
    rmSync(this.#folder, { recursive: true });
  }
}

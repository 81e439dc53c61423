// The audit that holds commands to their declared keys notices what breaks the declarations, and
// excuses no more than it says.

import { expect, test } from "bun:test";
import { latin1Bytes } from "../../../src/base/text.ts";
import { CommandContext, type ServerContext } from "../../../src/command/context.ts";
import { Effects } from "../../../src/command/effects.ts";
import { KeyAudit } from "../../../src/command/key-audit.ts";
import { type Command, CommandRegistry } from "../../../src/command/registry.ts";
import { families } from "../../../src/commands/families.ts";
import { ReplyWriter } from "../../../src/resp/reply.ts";
import { KeyspaceFixture } from "../keyspace/keyspace-fixture.ts";

const registry = CommandRegistry.of(families);

/** Whether a command, while it runs, may look up a key `k`, and then set it. */
function may(line: string): { read: boolean; write: boolean } {
  const fixture = new KeyspaceFixture();
  fixture.set("k", "v");
  const audit = new KeyAudit(fixture.keyspace);
  const words = line.split(" ");
  const bytes = latin1Bytes(words.join(""));
  const ends = Int32Array.from(words, (_, k) => words.slice(0, k + 1).join("").length);
  const starts = Int32Array.from(ends, (end, k) => end - words[k].length);
  const c = new CommandContext({} as ServerContext, new ReplyWriter(), new Effects());
  c.setArguments(bytes, starts, ends, 0, words.length);
  const command = registry.find(bytes, starts[0], ends[0])!;
  audit.enter(c, command as unknown as Command<never>);
  const isFine = (action: () => void) => {
    try {
      action();
      return true;
    } catch {
      return false;
    }
  };
  const read = isFine(() => fixture.find("k"));
  const write = isFine(() => fixture.set("k", "w"));
  audit.leave();
  // Nobody is watched outside of commands.
  fixture.set("k", "v");
  return { read, write };
}

test("a command looks up and changes no other keys than it declares", () => {
  expect(may("get x")).toEqual({ read: false, write: false });
  expect(may("get k")).toEqual({ read: true, write: false });
  expect(may("set k v")).toEqual({ read: true, write: true });
  expect(may("copy k x")).toEqual({ read: true, write: false });
  expect(may("copy x k")).toEqual({ read: true, write: true });
  expect(may("hset x f v")).toEqual({ read: false, write: false });
  expect(may("xreadgroup group g c streams x 0")).toEqual({ read: false, write: false });
});

test("what a command is excused from does not cover more", () => {
  expect(may("sort x by k* store d")).toEqual({ read: true, write: false });
  expect(may("sort x store k")).toEqual({ read: true, write: true });
  expect(may("exec")).toEqual({ read: true, write: false });
  for (const line of ["keys *", "scan 0", "randomkey", "client list", "reset", "unwatch"]) {
    expect(may(line)).toEqual({ read: false, write: false });
  }
});

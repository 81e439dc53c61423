// Socket.IO between processes: two servers that have nothing in common but Redis, through each of
// the adapters, with clients on either side.

import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { join } from "node:path";
import { io, type Socket } from "socket.io-client";
import type { ServerProcess } from "../harness/process.ts";
import { PROJECT } from "../harness/server.ts";
import { startSubject } from "../harness/subject.ts";

const PROGRAM = join(PROJECT, "test/client/programs/socket-io.ts");

let redis: ServerProcess;
beforeAll(async () => {
  redis = await startSubject();
});
afterAll(() => redis.stop());

/** Starts a Socket.IO server. */
async function startProgram(kind: string) {
  const child = Bun.spawn([process.execPath, "run", PROGRAM, kind, String(redis.port)], {
    ...{ cwd: PROJECT, stdin: "pipe", stdout: "pipe", stderr: "inherit" },
  });
  const reader = child.stdout.getReader();
  const { value } = await reader.read();
  const port = Number(new TextDecoder().decode(value));
  return {
    port,
    stop: () => {
      child.stdin.end();
      return child.exited;
    },
  };
}

function ask<T>(socket: Socket, ...question: string[]): Promise<T> {
  const [name, ...args] = question;
  return new Promise((resolve) => socket.emit(name, ...args, resolve));
}

function hear(socket: Socket): Promise<string> {
  return new Promise((resolve) => socket.once("said", resolve));
}

for (const kind of ["pubsub", "sharded", "streams"]) {
  describe(`Socket.IO with the ${kind} adapter`, () => {
    const programs: Awaited<ReturnType<typeof startProgram>>[] = [];
    let left: Socket;
    let right: Socket;

    beforeAll(async () => {
      programs.push(...(await Promise.all([startProgram(kind), startProgram(kind)])));
      const sockets = programs.map(({ port }, k) =>
        io(`http://127.0.0.1:${port}`, { query: { room: `room ${k}` }, transports: ["websocket"] }),
      );
      [left, right] = sockets;
      await Promise.all(
        sockets.map((socket) => new Promise((go) => socket.once("connect", () => go(0)))),
      );
      // The servers find each other by messages of their own.
      while ((await ask<number>(left, "count", "room 1")) !== 1);
      while ((await ask<number>(right, "count", "room 0")) !== 1);
    });
    afterAll(async () => {
      for (const socket of [left, right]) socket.close();
      await Promise.all(programs.map((program) => program.stop()));
    });

    test("messages to a room and to all reach clients of the other server", async () => {
      const heard = hear(right);
      left.emit("say", "room 1", "hello");
      expect(await heard).toBe("hello");
      const answer = hear(left);
      right.emit("tell others", "hello yourself, \u{1f44b}");
      expect(await answer).toBe("hello yourself, \u{1f44b}");
    });

    test("clients and servers everywhere are asked and answer", async () => {
      for (const socket of [left, right]) {
        socket.on("question", (answer: (text: string) => void) => answer(String(socket.id)));
      }
      const replies = await ask<string[]>(left, "ask clients");
      expect(replies.sort()).toEqual([String(left.id), String(right.id)].sort());
      expect(await ask<string[]>(left, "ask servers")).toEqual([`pong from ${kind}`]);
    });

    test("clients of the other server are moved and disconnected", async () => {
      left.emit("move", "room 1", "new room");
      while ((await ask<number>(left, "count", "new room")) !== 1);
      const gone = new Promise((resolve) => right.once("disconnect", resolve));
      left.emit("drop", "new room");
      expect(await gone).toBe("io server disconnect");
      expect(await ask<number>(left, "count", "room 1")).toBe(0);
    });
  });
}

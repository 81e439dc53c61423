// A Socket.IO server, one of several that know of each other through Redis only:
//
//     bun run test/client/programs/socket-io.ts pubsub|sharded|streams REDIS_PORT
//
// It prints the port that it listens on, and ends with its standard input.

import { createServer } from "node:http";
import { createAdapter, createShardedAdapter } from "@socket.io/redis-adapter";
import { createAdapter as createStreamsAdapter } from "@socket.io/redis-streams-adapter";
import { Redis } from "ioredis";
import { createClient } from "redis";
import { Server } from "socket.io";

const [kind, redisPort] = process.argv.slice(2);
const port = Number(redisPort);

async function makeAdapter() {
  if (kind === "streams") {
    const client = createClient({ socket: { port } });
    await client.connect();
    return createStreamsAdapter(client, { streamName: "socket.io" });
  }
  if (kind === "sharded") {
    const clients = [createClient({ socket: { port } }), createClient({ socket: { port } })];
    for (const client of clients) await client.connect();
    return createShardedAdapter(clients[0], clients[1]);
  }
  return createAdapter(new Redis(port), new Redis(port));
}

const http = createServer();
const io = new Server(http, { adapter: await makeAdapter(), serveClient: false });

io.on("connection", (socket) => {
  socket.join(String(socket.handshake.query.room));
  socket.on("say", (room: string, text: string) => io.to(room).emit("said", text));
  socket.on("tell others", (text: string) => socket.broadcast.emit("said", text));
  socket.on("count", async (room: string, answer: (count: number) => void) => {
    answer((await io.in(room).fetchSockets()).length);
  });
  socket.on("ask clients", (answer: (replies: unknown[]) => void) => {
    io.timeout(2000).emit("question", (_error: unknown, replies: unknown[]) => answer(replies));
  });
  socket.on("ask servers", (answer: (replies: unknown[]) => void) => {
    io.serverSideEmit("ping", (_error: unknown, replies: unknown[]) => answer(replies));
  });
  socket.on("move", (from: string, to: string) => io.in(from).socketsJoin(to));
  socket.on("drop", (room: string) => io.in(room).disconnectSockets());
});
io.on("ping", (answer: (name: string) => void) => answer(`pong from ${kind}`));

http.listen(0, "127.0.0.1", () => {
  const address = http.address();
  if (address !== null && typeof address === "object") console.log(address.port);
});
process.stdin.on("end", () => process.exit(0));
process.stdin.resume();

// BullMQ: queues as an application has them, through the library's own workers and events. Its
// scripts are among the largest that run on Redis.

import { afterAll, beforeAll, expect, test } from "bun:test";
import { FlowProducer, type Job, Queue, QueueEvents, Worker } from "bullmq";
import type { ServerProcess } from "../harness/process.ts";
import { startSubject } from "../harness/subject.ts";

interface Closable {
  close(): Promise<unknown>;
}

let server: ServerProcess;
const opened: Closable[] = [];
beforeAll(async () => {
  server = await startSubject();
});
afterAll(async () => {
  await Promise.all(opened.map((one) => one.close()));
  await server.stop();
});

function connection() {
  return { host: "127.0.0.1", port: server.port, maxRetriesPerRequest: null };
}

function keep<T extends Closable>(one: T): T {
  opened.push(one);
  return one;
}

function queueNamed(name: string): Queue {
  return keep(new Queue(name, { connection: connection() })).setMaxListeners(0);
}

/** A worker, and the queue's events, once both listen. */
async function workOn(
  name: string,
  work: (job: Job) => Promise<unknown>,
  options: { concurrency?: number; limiter?: { max: number; duration: number } } = {},
) {
  const events = keep(new QueueEvents(name, { connection: connection() }));
  const worker = keep(new Worker(name, work, { connection: connection(), ...options }));
  await Promise.all([events.waitUntilReady(), worker.waitUntilReady()]);
  return { events, worker };
}

/** Resolves after so many calls of `note`, with what they were given. */
function collect<T>(count: number) {
  const { promise, resolve } = Promise.withResolvers<T[]>();
  const items: T[] = [];
  const note = (item: T) => {
    items.push(item);
    if (items.length === count) resolve(items);
  };
  return { note, promise };
}

test("jobs are done once each, and their results and progress are told", async () => {
  const queue = queueNamed("plain");
  const { events } = await workOn(
    "plain",
    async (job) => {
      await job.updateProgress(50);
      await job.log("half way");
      return job.data.number * 2;
    },
    { concurrency: 10 },
  );
  const progress = collect<unknown>(1);
  events.once("progress", ({ data }) => progress.note(data));
  const jobs = await queue.addBulk(
    Array.from({ length: 100 }, (_, number) => ({ name: "double", data: { number } })),
  );
  const results = await Promise.all(jobs.map((job) => job.waitUntilFinished(events)));
  expect(results).toEqual(jobs.map((_, number) => number * 2));
  expect(await progress.promise).toEqual([50]);
  expect((await queue.getJobLogs(String(jobs[0].id))).logs).toEqual(["half way"]);
  expect(await queue.getJobCounts("completed", "failed", "wait", "active")).toEqual({
    ...{ completed: 100, failed: 0, wait: 0, active: 0 },
  });
  expect((await queue.clean(0, 1000, "completed")).length).toBe(100);
});

test("a delayed job waits, and one can be promoted", async () => {
  const queue = queueNamed("delayed");
  const { events } = await workOn("delayed", async (job) => Date.now() - job.timestamp);
  const late = await queue.add("late", {}, { delay: 150 });
  const promoted = await queue.add("promoted", {}, { delay: 60_000 });
  expect(await queue.getDelayedCount()).toBe(2);
  await promoted.promote();
  expect(await promoted.waitUntilFinished(events)).toBeLessThan(10_000);
  expect(await late.waitUntilFinished(events)).toBeGreaterThanOrEqual(145);
});

test("what fails is tried again with backoff, and then given up", async () => {
  const queue = queueNamed("retries");
  const { events } = await workOn("retries", async (job) => {
    if (job.attemptsMade < job.data.failures) throw new Error(`attempt ${job.attemptsMade}`);
    return job.attemptsMade;
  });
  const backoff = { type: "exponential", delay: 10 };
  const flaky = await queue.add("flaky", { failures: 2 }, { attempts: 3, backoff });
  const broken = await queue.add("broken", { failures: 9 }, { attempts: 2, backoff });
  expect(await flaky.waitUntilFinished(events)).toBe(2);
  await expect(broken.waitUntilFinished(events)).rejects.toThrow("attempt 1");
  expect((await queue.getFailed()).map(({ name }) => name)).toEqual(["broken"]);
  expect(await broken.getState()).toBe("failed");
});

test("priorities decide the order, and a paused queue waits", async () => {
  const queue = queueNamed("priorities");
  const done = collect<string>(5);
  await queue.pause();
  await workOn("priorities", async (job) => done.note(job.name));
  const lines: [string, number | undefined][] = [
    ["low", 10],
    ["high", 1],
    ["middle", 5],
    ["first", undefined],
    ["low too", 10],
  ];
  for (const [name, priority] of lines) await queue.add(name, {}, { priority });
  expect(await queue.isPaused()).toBe(true);
  await queue.resume();
  expect(await done.promise).toEqual(["first", "high", "middle", "low", "low too"]);
});

test("a job scheduler makes jobs again and again", async () => {
  const queue = queueNamed("scheduled");
  const done = collect<string>(3);
  await workOn("scheduled", async (job) => done.note(job.name));
  await queue.upsertJobScheduler("tick", { every: 100 }, { name: "ticked" });
  expect(await done.promise).toEqual(["ticked", "ticked", "ticked"]);
  expect((await queue.getJobSchedulers()).map(({ key }) => key)).toEqual(["tick"]);
  expect(await queue.removeJobScheduler("tick")).toBe(true);
  expect(await queue.getDelayedCount()).toBe(0);
});

test("a flow's parent comes after its children and sees their results", async () => {
  const flow = keep(new FlowProducer({ connection: connection() }));
  const { events } = await workOn("flow", async (job) => {
    const values = Object.values<number>(await job.getChildrenValues());
    return job.data.own + values.reduce((sum, value) => sum + value, 0);
  });
  const child = (own: number) => ({ name: "child", queueName: "flow", data: { own } });
  const tree = await flow.add({
    ...{ name: "parent", queueName: "flow", data: { own: 1 } },
    children: [child(10), { ...child(100), children: [child(1000), child(10_000)] }],
  });
  expect(await tree.job.waitUntilFinished(events)).toBe(11_111);
});

test("a rate limit is kept", async () => {
  const queue = queueNamed("limited");
  const starts = collect<number | undefined>(5);
  await queue.addBulk(Array.from({ length: 5 }, () => ({ name: "job", data: {} })));
  const limiter = { max: 2, duration: 100 };
  await workOn("limited", async (job) => starts.note(job.processedOn), { limiter });
  const [first = 0, , third = 0, , fifth = 0] = await starts.promise;
  expect(third - first).toBeGreaterThan(95);
  expect(fifth - third).toBeGreaterThan(95);
});

test("the events of a job are told in order", async () => {
  const queue = queueNamed("events");
  const fromTheStart = { connection: connection(), lastEventId: "0" };
  const events = keep(new QueueEvents("events", fromTheStart));
  const seen: string[] = [];
  const ended = Promise.withResolvers<void>();
  for (const name of ["added", "waiting", "active", "progress", "completed"] as const) {
    events.on(name, () => {
      seen.push(name);
      if (name === "completed") ended.resolve();
    });
  }
  await events.waitUntilReady();
  await queue.add("job", {});
  keep(
    new Worker("events", (job) => job.updateProgress({ part: 1 }), { connection: connection() }),
  );
  await ended.promise;
  expect(seen).toEqual(["added", "waiting", "active", "progress", "completed"]);
});

test("a job whose worker has died is given to another one", async () => {
  const queue = queueNamed("stalled");
  const options = { connection: connection(), stalledInterval: 100 };
  const dead = keep(new Worker("stalled", null, { ...options, lockDuration: 100, autorun: false }));
  const events = keep(new QueueEvents("stalled", { connection: connection() }));
  await events.waitUntilReady();
  const stalled = collect<string>(1);
  events.on("stalled", ({ jobId }) => stalled.note(jobId));
  const job = await queue.add("job", {});
  expect((await dead.getNextJob("its token"))?.id).toBe(job.id);
  keep(new Worker("stalled", async () => "saved", options));
  expect(await job.waitUntilFinished(events)).toBe("saved");
  expect(await stalled.promise).toEqual([String(job.id)]);
});

test("a job with an identifier that exists is not added twice", async () => {
  const queue = queueNamed("unique");
  await queue.add("job", { n: 1 }, { jobId: "only" });
  await queue.add("job", { n: 2 }, { jobId: "only" });
  await queue.add("job", {}, { deduplication: { id: "one", ttl: 60_000 } });
  await queue.add("job", {}, { deduplication: { id: "one", ttl: 60_000 } });
  expect(await queue.count()).toBe(2);
  expect((await queue.getJob("only"))?.data).toEqual({ n: 1 });
  await queue.obliterate();
  expect(await queue.count()).toBe(0);
});

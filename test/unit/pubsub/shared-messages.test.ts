import { expect, test } from "bun:test";
import { latin1Bytes, latin1Text } from "../../../src/base/text.ts";
import { SharedMessages } from "../../../src/pubsub/shared-messages.ts";
import { ReplyWriter } from "../../../src/resp/reply.ts";
import { ServerFixture } from "../server/server-fixture.ts";

const ASTERISK = 42;

function message(text: string): ReplyWriter {
  const writer = new ReplyWriter();
  writer.raw(latin1Bytes(text));
  return writer;
}

test("a message takes the place of those nobody keeps, and follows those somebody does", () => {
  const messages = new SharedMessages(ASTERISK);
  messages.add(message(">first"));
  expect([messages.start, messages.end]).toEqual([0, 6]);
  messages.array.holders++;
  messages.add(message(">second"));
  expect([messages.start, messages.end]).toEqual([6, 13]);
  expect(latin1Text(messages.array.bytes, 0, 13)).toBe("*first*second");
  messages.array.holders--;
  messages.add(message(">third"));
  expect([messages.start, messages.end]).toEqual([0, 6]);
});

test("an array that is full is left to its holders, one for a large message to nobody", () => {
  const messages = new SharedMessages(ASTERISK);
  messages.add(message(">small"));
  const { array } = messages;
  array.holders++;
  messages.add(message(`>${"x".repeat(100_000)}`));
  const large = messages.array;
  expect(latin1Text(array.bytes, 0, 6)).toBe("*small");
  expect(large.bytes.length).toBe(100_001);
  messages.add(message(">small"));
  expect(messages.array.bytes.length).toBeLessThan(100_000);
});

test("a subscriber that reads late gets every message, whatever others were sent", async () => {
  const fixture = new ServerFixture("port 0");
  const late = fixture.connect();
  const quick = fixture.connect();
  const publisher = fixture.connect();
  late.run("subscribe news");
  quick.run("subscribe news");
  late.transport.room = 0;
  const texts = ["one", "two", "three"];
  for (const text of texts) {
    publisher.run(`publish news ${text}`);
    await fixture.endTurn();
    expect(quick.transport.take()).toContain(text);
  }
  late.transport.room = Number.POSITIVE_INFINITY;
  late.handler.drained();
  const received = late.transport.take();
  expect(texts.filter((text) => received.includes(text))).toEqual(texts);
});

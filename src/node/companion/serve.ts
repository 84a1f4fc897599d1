/**
 * The companion's HTTP service, on 127.0.0.1 and behind a token: `/samples` as JSON, `/metrics` as
 * Prometheus text, `/next` for k6, which is answered when the next samples are there, and `/auth`, which signs what
 * clients of k6 answer challenges with.
 */
import { randomBytes } from "node:crypto";
import { once } from "node:events";
import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import { metricsOfMoment } from "../../measure/resource-metrics.ts";
import type { TimedSample } from "../sampler.ts";
import { renderPrometheus } from "./prometheus.ts";
import type { SignAuth } from "./sign-auth.ts";

export interface CompanionServer {
  readonly url: string;
  /** Hands out the samples of a second. */
  publish(samples: readonly TimedSample[], inWindow: boolean): void;
  /** No more samples will come: whoever waits for them is told. */
  end(): void;
  close(): Promise<void>;
}

/** What k6 is told each second. */
interface Moment {
  readonly over: boolean;
  /** Outside of the measured window nothing counts for thresholds. */
  readonly inWindow: boolean;
  /** By metric, without those that were not measured. */
  readonly metrics: Readonly<Record<string, number>>;
}

const MOST_KEPT = 3_600;

/** What k6 may send at most: its questions hold challenges, which the relay chose. */
const MOST_BODY_BYTES = 256 * 1_024;

export async function serveCompanion(signAuth: SignAuth): Promise<CompanionServer> {
  const token = `/${randomBytes(16).toString("hex")}`;
  const waiting = new Set<ServerResponse>();
  const kept: (readonly TimedSample[])[] = [];
  let isOver = false;

  const answerWaiting = (moment: Moment) => {
    for (const response of waiting) sendJson(response, moment);
    waiting.clear();
  };
  const server = createServer((request, response) => {
    const latest = kept.at(-1) ?? [];
    switch (request.url) {
      case `${token}/next`:
        if (isOver) sendJson(response, { over: true, inWindow: false, metrics: {} });
        else {
          waiting.add(response);
          response.on("close", () => waiting.delete(response));
        }
        return;
      case `${token}/samples`:
        sendJson(response, kept.flat());
        return;
      case `${token}/auth`:
        void readBody(request).then(async (text) => {
          const answers = text === null ? null : await signAuth(text);
          if (answers === null) response.writeHead(400).end();
          else sendJson(response, answers);
        });
        return;
      case `${token}/metrics`:
        response.setHeader("Content-Type", "text/plain; version=0.0.4");
        response.end(renderPrometheus(latest));
        return;
      default:
        response.writeHead(404).end();
    }
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  const address = server.address();
  if (address === null || typeof address === "string") throw new Error("no port for the companion");
  return {
    url: `http://127.0.0.1:${address.port}${token}`,
    publish(samples, inWindow) {
      kept.push(samples);
      if (kept.length > MOST_KEPT) kept.shift();
      answerWaiting({ over: false, inWindow, metrics: metricsOfMoment(samples) });
    },
    end() {
      isOver = true;
      answerWaiting({ over: true, inWindow: false, metrics: {} });
    },
    close: async () => {
      server.closeAllConnections();
      server.close();
      await once(server, "close");
    },
  };
}

/** `null`: it was cut off, or is too long. */
async function readBody(request: IncomingMessage): Promise<string | null> {
  let text = "";
  try {
    for await (const chunk of request.setEncoding("utf8")) {
      text += chunk;
      if (text.length > MOST_BODY_BYTES) return null;
    }
  } catch {
    return null;
  }
  return text;
}

function sendJson(response: ServerResponse, value: unknown): void {
  response.setHeader("Content-Type", "application/json");
  response.end(JSON.stringify(value));
}

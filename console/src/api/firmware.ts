/** Releases and deployments over REST. */
import { useQuery } from "@tanstack/react-query";
import { type Awaiting, isAwaiting } from "./approvals";
import { authority } from "./authority";
import type { Wish } from "./campaigns";
import { all, api, data, page, type Schemas } from "./client";
import { PREFIX } from "./prefix";
import { Problem, unreachable } from "./problem";

export type Release = Schemas["Release"];
export type Deployment = Schemas["Deployment"];

const PAGE = 500;

export function useReleases(enabled = true) {
  return useQuery({
    queryKey: ["releases"],
    enabled,
    queryFn: () =>
      all(cursor =>
        page(
          api.GET("/api/v1/firmware/releases", { params: { query: { limit: PAGE, ...cursor } } }),
        ),
      ),
  });
}

/** The id of the deployment, which may wait for an approval. Raises `Problem`. */
export async function begin(body: Record<string, unknown>): Promise<string> {
  const made = await data<Deployment | Awaiting>(
    api.POST("/api/v1/firmware/deployments", {
      body: body as unknown as Schemas["DeploymentBody"],
    }),
  );
  return isAwaiting(made) ? (made.campaignId ?? "") : made.id;
}

export function askOf(id: string, wish: Wish): Promise<Deployment> {
  const params = { path: { id } };
  const root = "/api/v1/firmware/deployments/{id}" as const;
  if (wish === "pause") return data(api.POST(`${root}/pause`, { params }));
  if (wish === "resume") return data(api.POST(`${root}/resume`, { params }));
  return data(api.POST(`${root}/abort`, { params }));
}

export type Upload = {
  file: File;
  /** What devices call this piece of their software. */
  type: string;
  version: string;
  channel: string;
  /** Base64; empty = unsigned. */
  signature: string;
};

/**
 * Sends an artifact as it is read from the disk; `onProgress` is told the share that is sent, 0 to 1.
 * `fetch` does not say how far it is. Raises `Problem`; `signal` ends it, and nothing is kept.
 */
export async function upload(
  wish: Upload,
  onProgress: (share: number) => void,
  signal: AbortSignal,
): Promise<Release> {
  try {
    return await send(wish, onProgress, signal);
  } catch (error) {
    const expired = error instanceof Problem && error.status === 401;
    if (!expired || !(await authority().refresh())) throw error;
    return send(wish, onProgress, signal);
  }
}

function send(
  { file, type, version, channel, signature }: Upload,
  onProgress: (share: number) => void,
  signal: AbortSignal,
): Promise<Release> {
  const query = new URLSearchParams({ type, version, channel, filename: file.name });
  const request = new XMLHttpRequest();
  request.open("POST", `${PREFIX}/api/v1/firmware/releases?${query}`);
  request.setRequestHeader("Authorization", `Bearer ${authority().accessToken()}`);
  request.setRequestHeader("Content-Type", "application/octet-stream");
  if (signature !== "") request.setRequestHeader("X-Signature", signature);
  request.upload.onprogress = ({ loaded, total }) => onProgress(total > 0 ? loaded / total : 0);
  signal.addEventListener("abort", () => request.abort());
  return new Promise((resolve, reject) => {
    request.onload = () => {
      if (request.status === 201)
        resolve((JSON.parse(request.responseText) as { data: Release }).data);
      else reject(refusal(request));
    };
    request.onerror = () => reject(unreachable("the connection broke"));
    request.onabort = () => reject(new DOMException("", "AbortError"));
    request.send(file);
  });
}

function refusal(request: XMLHttpRequest): Problem {
  const document = parsed(request.responseText) as {
    code?: string;
    title?: string;
    detail?: string;
    errors?: { field: string; message: string }[];
  };
  const { code, title, detail, errors } = document;
  return new Problem(code ?? "internal", request.status, title ?? "", detail ?? "", errors ?? []);
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text) ?? {};
  } catch {
    return {};
  }
}

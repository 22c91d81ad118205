/** Calls that wait for a second person. */
import { useQuery } from "@tanstack/react-query";
import { api, data, page, type Schemas } from "./client";

export type Approval = Schemas["ApprovalItem"];
export type Awaiting = Schemas["Awaiting"];
export type Verdict = "approve" | "reject";

export const APPROVALS = ["approvals"] as const;
const LIMIT = 200;

/** The newest: those that wait, or those that were decided. */
export const useApprovals = (waiting: boolean) =>
  useQuery({
    queryKey: [...APPROVALS, waiting],
    queryFn: async () => {
      const status: Approval["status"][] = waiting
        ? ["AWAITING"]
        : ["APPROVED", "REJECTED", "EXPIRED", "CANCELLED"];
      const query = { status, limit: LIMIT };
      return (await page(api.GET("/api/v1/approvals", { params: { query } }))).items;
    },
  });

/** With all of its targets. */
export const useApproval = (id: string) =>
  useQuery({
    queryKey: [...APPROVALS, id],
    queryFn: () => data(api.GET("/api/v1/approvals/{id}", { params: { path: { id } } })),
  });

export const decide = ({ id, verdict, comment }: Decision) => {
  const params = { path: { id } };
  const body = { comment: comment.trim() === "" ? null : comment.trim() };
  return data(
    verdict === "approve"
      ? api.POST("/api/v1/approvals/{id}/approve", { params, body })
      : api.POST("/api/v1/approvals/{id}/reject", { params, body }),
  );
};

export type Decision = { id: string; verdict: Verdict; comment: string };

export const withdraw = (id: string) =>
  data(api.DELETE("/api/v1/approvals/{id}", { params: { path: { id } } }));

/** Whether an answer says that the call waits. */
export function isAwaiting(answer: unknown): answer is Awaiting {
  return typeof answer === "object" && answer !== null && "approvalId" in answer;
}

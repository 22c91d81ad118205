/** Certificates of devices. */
import { type InfiniteData, useInfiniteQuery } from "@tanstack/react-query";
import { api, envelope, page, type Schemas } from "./client";

export type Certificate = Schemas["CertificateItem"];
export type CertificateStatus = Certificate["status"];
export type CertificateFilter = {
  deviceId?: string;
  status?: CertificateStatus;
  /** RFC 3339. */
  expiresBefore?: string;
};

type Part = { items: Certificate[]; next: string | null };

export const CERTIFICATES = ["certificates"] as const;
export const STATUSES: readonly CertificateStatus[] = ["valid", "superseded", "revoked", "expired"];
const PAGE = 50;

/** The newest first, page by page. */
export const useCertificates = (filter: CertificateFilter) =>
  useInfiniteQuery({
    queryKey: [...CERTIFICATES, filter],
    initialPageParam: null as string | null,
    queryFn: ({ pageParam }): Promise<Part> =>
      page(
        api.GET("/api/v1/certificates", {
          params: { query: { limit: PAGE, ...filter, ...(pageParam && { cursor: pageParam }) } },
        }),
      ),
    getNextPageParam: last => last.next,
    select: ({ pages }: InfiniteData<Part>) => pages.flatMap(({ items }) => items),
  });

export const revokeCertificate = (serial: string, reason: string) =>
  envelope(
    api.POST("/api/v1/certificates/{serial}/revoke", {
      params: { path: { serial } },
      body: { reason },
    }),
  );

import { Button } from "@mantine/core";
import type { ReactNode } from "react";
import { useState } from "react";
import {
  CERTIFICATES,
  type Certificate,
  type CertificateFilter,
  revokeCertificate,
  useCertificates,
} from "../api/certificates";
import { useMay } from "../session/access";
import { type Text, useText } from "../text";
import { absoluteTime } from "../text/format";
import { Actions, Label } from "./Label";
import { NameDialog } from "./NameDialog";
import { TimeText } from "./TimeText";
import type { Column } from "./table/columns";
import { DataTable } from "./table/DataTable";

const TONES = { valid: "ok", superseded: undefined, revoked: "bad", expired: "warn" } as const;

type Props = {
  filter: CertificateFilter;
  empty: ReactNode;
  /** Leads to the device; absent where all are of one. */
  deviceOf?: (id: string) => ReactNode;
};

/** Certificates that are like `filter`, and their end before their time. */
export function CertificateTable({ filter, empty, deviceOf }: Props) {
  const text = useText();
  const words = text.certificates;
  const may = useMay();
  const found = useCertificates(filter);
  const [revoking, setRevoking] = useState<Certificate>();
  const columns = [
    ...(deviceOf
      ? [{ key: "device", title: words.device, cell: (row: Certificate) => deviceOf(row.deviceId) }]
      : []),
    ...columnsOf(text),
    {
      key: "act",
      title: "",
      right: true,
      cell: (row: Certificate) =>
        may("certificates:update") &&
        (row.status === "valid" || row.status === "superseded") && (
          <Button
            size="compact-sm"
            variant="default"
            aria-label={words.revokeOf(row.serial)}
            onClick={() => setRevoking(row)}
          >
            {words.revoke}
          </Button>
        ),
    },
  ];
  return (
    <>
      <DataTable
        bare
        label={words.title}
        columns={columns}
        rows={found.data ?? []}
        keyOf={({ serial }) => serial}
        marks={({ serial }) => ({ "data-certificate": serial })}
        reading={found}
        place={40}
        empty={empty}
      />
      {found.hasNextPage && (
        <Actions>
          <Button
            variant="default"
            loading={found.isFetchingNextPage}
            onClick={() => void found.fetchNextPage()}
          >
            {text.common.more}
          </Button>
        </Actions>
      )}
      {revoking && (
        <NameDialog
          title={words.revokeTitle(revoking.deviceId)}
          hint={words.revokeHint}
          label={words.reason}
          act={words.act}
          longest={256}
          save={reason => revokeCertificate(revoking.serial, reason)}
          stale={[CERTIFICATES]}
          onClose={() => setRevoking(undefined)}
        />
      )}
    </>
  );
}

function columnsOf({ certificates: words }: Text): Column<Certificate>[] {
  return [
    {
      key: "status",
      title: words.status,
      cell: ({ status, reason, goodUntil }) => (
        <span
          title={
            reason ?? (goodUntil === null ? undefined : words.goodUntil(absoluteTime(goodUntil)))
          }
        >
          <Label tone={TONES[status]}>{words.states[status]}</Label>
        </span>
      ),
    },
    { key: "ends", title: words.ends, cell: ({ expiresAt }) => <TimeText full at={expiresAt} /> },
    {
      key: "used",
      title: words.used,
      cell: ({ firstUsedAt }) =>
        firstUsedAt === null ? words.unused : <TimeText at={firstUsedAt} />,
    },
    {
      key: "serial",
      title: words.serial,
      className: "mono",
      cell: ({ serial }) => <span title={serial}>{short(serial)}</span>,
    },
    {
      key: "fingerprint",
      title: words.fingerprint,
      className: "mono",
      cell: ({ fingerprint }) => <span title={fingerprint}>{short(fingerprint)}</span>,
    },
  ];
}

/** Long enough to be told from others, and whole on hover. */
function short(hex: string): string {
  return `${hex.slice(0, 12)}…`;
}

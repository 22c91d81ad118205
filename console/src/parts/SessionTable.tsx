import { Button } from "@mantine/core";
import { useChange } from "../api/change";
import { endSession, SESSIONS, type SignedIn, useSessions } from "../api/sessions";
import { useText } from "../text";
import { Label } from "./Label";
import { TimeText } from "./TimeText";
import type { Column } from "./table/columns";
import { DataTable } from "./table/DataTable";

type Props = {
  /** Null: one's own. */
  userId: string | null;
  /** Whether the others may be ended. */
  ends: boolean;
  bare?: boolean;
};

/** Where somebody is signed in, and what ends it there. */
export function SessionTable({ userId, ends, bare = false }: Props) {
  const text = useText();
  const words = text.shell.sessions;
  const sessions = useSessions(userId);
  const end = useChange(endSession, { stale: [SESSIONS], done: words.ended });
  const columns: Column<SignedIn>[] = [
    { key: "address", title: words.address, cell: ({ address }) => address ?? text.common.none },
    { key: "begun", title: words.begun, cell: ({ createdAt }) => <TimeText at={createdAt} /> },
    { key: "used", title: words.used, cell: ({ usedAt }) => <TimeText at={usedAt} /> },
    {
      key: "end",
      title: "",
      right: true,
      cell: ({ id, current }) =>
        current ? (
          <Label tone="ok">{words.current}</Label>
        ) : (
          ends && (
            <Button
              variant="default"
              size="compact-xs"
              loading={end.isPending && end.variables === id}
              onClick={() => end.mutate(id)}
            >
              {words.end}
            </Button>
          )
        ),
    },
  ];
  return (
    <DataTable
      bare={bare}
      label={words.title}
      columns={columns}
      rows={sessions.data ?? []}
      keyOf={({ id }) => id}
      marks={({ id }) => ({ "data-session": id })}
      reading={sessions}
      place={120}
    />
  );
}

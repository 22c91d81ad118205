import { Button, Modal, Stack } from "@mantine/core";
import { useQuery } from "@tanstack/react-query";
import { useChange } from "../api/change";
import { api, envelope, page, type Schemas } from "../api/client";
import { Hint, Label } from "../parts/Label";
import { TimeText } from "../parts/TimeText";
import type { Column } from "../parts/table/columns";
import { DataTable } from "../parts/table/DataTable";
import { useText } from "../text";

type Session = Schemas["Session"];

const SESSIONS = ["sessions"] as const;

/** Where one is signed in, and what ends it there. */
export function SessionsDialog({ onClose }: { onClose: () => void }) {
  const text = useText();
  const words = text.shell.sessions;
  const sessions = useQuery({
    queryKey: SESSIONS,
    staleTime: 0,
    queryFn: async () => (await page(api.GET("/api/v1/auth/sessions"))).items,
  });
  const end = useChange(
    (id: string) =>
      envelope(api.DELETE("/api/v1/auth/sessions/{id}", { params: { path: { id } } })),
    { stale: [SESSIONS], done: words.ended },
  );
  const columns: Column<Session>[] = [
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
          <Button
            variant="default"
            size="compact-xs"
            loading={end.isPending && end.variables === id}
            onClick={() => end.mutate(id)}
          >
            {words.end}
          </Button>
        ),
    },
  ];
  return (
    <Modal
      opened
      onClose={onClose}
      title={words.title}
      size="lg"
      closeButtonProps={{ "aria-label": text.common.close }}
    >
      <Stack gap="sm">
        <Hint>{words.hint}</Hint>
        <DataTable
          label={words.title}
          columns={columns}
          rows={sessions.data ?? []}
          keyOf={({ id }) => id}
          marks={({ id }) => ({ "data-session": id })}
          reading={sessions}
          place={120}
        />
      </Stack>
    </Modal>
  );
}

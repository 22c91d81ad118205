import { Button, Modal, Stack, Table } from "@mantine/core";
import { useQuery } from "@tanstack/react-query";
import { useChange } from "../api/change";
import { api, envelope, page } from "../api/client";
import { Frame, Hint, Label } from "../parts/Frame";
import { Loading } from "../parts/Loading";
import { ProblemLine } from "../parts/ProblemLine";
import { TimeText } from "../parts/TimeText";
import { useText } from "../text";

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
        {sessions.isError && (
          <ProblemLine error={sessions.error} onRetry={() => void sessions.refetch()} />
        )}
        {sessions.isPending && <Loading height={120} />}
        {sessions.data && (
          <Frame label={words.title} heads={[words.address, words.begun, words.used, ""]}>
            {sessions.data.map(({ id, address, createdAt, usedAt, current }) => (
              <Table.Tr key={id} data-session={id}>
                <Table.Td>{address ?? text.common.none}</Table.Td>
                <Table.Td>
                  <TimeText at={createdAt} />
                </Table.Td>
                <Table.Td>
                  <TimeText at={usedAt} />
                </Table.Td>
                <Table.Td data-right>
                  {current ? (
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
                  )}
                </Table.Td>
              </Table.Tr>
            ))}
          </Frame>
        )}
      </Stack>
    </Modal>
  );
}

import { ActionIcon, Button, Modal, Stack } from "@mantine/core";
import { useState } from "react";
import { useChange } from "../../api/change";
import {
  deleteToken,
  type EnrollmentToken,
  TOKENS,
  takeOverToken,
  useEnrollmentTokens,
} from "../../api/enrollment";
import { Confirm } from "../../parts/Confirm";
import { EnrollmentLines } from "../../parts/EnrollmentLines";
import { EnrollmentRequests } from "../../parts/EnrollmentRequests";
import { PlusIcon, TrashIcon } from "../../parts/icons";
import { Actions, Hint, Label } from "../../parts/Label";
import { NewEnrollmentToken } from "../../parts/NewEnrollmentToken";
import { Section } from "../../parts/Page";
import { TimeText } from "../../parts/TimeText";
import type { Column } from "../../parts/table/columns";
import { DataTable } from "../../parts/table/DataTable";
import { useMay } from "../../session/access";
import { useText } from "../../text";

/** Who may come in, and who waits to be let in. */
export function EnrollmentTokens() {
  const words = useText().enrollment;
  const may = useMay();
  const tokens = useEnrollmentTokens();
  const [making, setMaking] = useState(false);
  const [deleting, setDeleting] = useState<EnrollmentToken>();
  const take = useChange(takeOverToken, { stale: [TOKENS], done: words.takenOver });
  const end = useChange(deleteToken, { stale: [TOKENS], onDone: () => setDeleting(undefined) });
  const columns: Column<EnrollmentToken>[] = [
    {
      key: "name",
      title: words.name,
      cell: row => (
        <>
          {row.name}{" "}
          {row.disabled && (
            <span title={words.disabledHint(row.madeBy)}>
              <Label tone="warn">{words.disabled}</Label>
            </span>
          )}
        </>
      ),
    },
    { key: "uses", title: words.uses, cell: row => words.usesOf(row.uses, row.maxUses) },
    {
      key: "ends",
      title: words.ends,
      cell: row => (row.expiresAt === null ? words.never : <TimeText full at={row.expiresAt} />),
    },
    { key: "by", title: words.by, cell: row => row.madeBy },
    {
      key: "act",
      title: "",
      right: true,
      cell: row => (
        <>
          {row.disabled && may("enrollment-tokens:create") && (
            <Button size="compact-sm" variant="default" onClick={() => take.mutate(row.id)}>
              {words.takeOver}
            </Button>
          )}
          {may("enrollment-tokens:delete") && (
            <ActionIcon aria-label={words.deleteOf(row.name)} onClick={() => setDeleting(row)}>
              <TrashIcon />
            </ActionIcon>
          )}
        </>
      ),
    },
  ];
  return (
    <Section title={words.tokens}>
      <Stack gap="md">
        <EnrollmentRequests />
        <Hint>{words.tokensHint}</Hint>
        <DataTable
          label={words.tokens}
          columns={columns}
          rows={tokens.data ?? []}
          keyOf={row => row.id}
          marks={row => ({ "data-token": row.id })}
          reading={tokens}
          empty={<p className="dim">{words.noTokens}</p>}
          bare
        />
        {may("enrollment-tokens:create") && (
          <Actions>
            <Button
              variant="default"
              leftSection={<PlusIcon size={14} />}
              onClick={() => setMaking(true)}
            >
              {words.newToken}
            </Button>
          </Actions>
        )}
      </Stack>
      {making && <NewToken onClose={() => setMaking(false)} />}
      {deleting && (
        <Confirm
          title={words.deleteTitle(deleting.name)}
          act={words.delete}
          busy={end.isPending}
          onConfirm={() => end.mutate(deleting.id)}
          onClose={() => setDeleting(undefined)}
        >
          {words.deleteHint}
        </Confirm>
      )}
    </Section>
  );
}

function NewToken({ onClose }: { onClose: () => void }) {
  const text = useText();
  const words = text.enrollment;
  const [made, setMade] = useState<EnrollmentToken>();
  return (
    <Modal
      opened
      onClose={onClose}
      size="lg"
      title={words.newTokenTitle}
      closeButtonProps={{ "aria-label": text.common.close }}
    >
      {made === undefined ? (
        <NewEnrollmentToken onMade={setMade} />
      ) : (
        <Stack gap="sm">
          <EnrollmentLines secret={made.token ?? ""} />
          <div>{words.made}</div>
          <Actions>
            <Button onClick={onClose}>{words.done}</Button>
          </Actions>
        </Stack>
      )}
    </Modal>
  );
}

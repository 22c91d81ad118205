import { ActionIcon, Button } from "@mantine/core";
import { useState } from "react";
import { deleteSecret, SECRETS, type Secret, useSecrets } from "../../api/secrets";
import { ConfirmDelete } from "../../parts/ConfirmDelete";
import { TrashIcon } from "../../parts/icons";
import { RecordSection } from "../../parts/RecordSection";
import { TimeText } from "../../parts/TimeText";
import type { Column } from "../../parts/table/columns";
import { useMay } from "../../session/access";
import { useText } from "../../text";
import { SecretDialog } from "./SecretDialog";

/** Which secrets there are: their values are nowhere to be seen. */
export function Secrets() {
  const words = useText().secrets;
  const may = useMay();
  const secrets = useSecrets();
  const [adding, setAdding] = useState(false);
  const [replacing, setReplacing] = useState<Secret>();
  const [leaving, setLeaving] = useState<Secret>();
  const columns: Column<Secret>[] = [
    { key: "name", title: words.name, cell: ({ name }) => <strong>{name}</strong> },
    { key: "keys", title: words.keys, className: "mono", cell: ({ keys }) => keys.join(", ") },
    { key: "version", title: words.version, cell: ({ version }) => version },
    { key: "by", title: words.by, cell: ({ createdBy }) => createdBy },
    { key: "changed", title: words.changed, cell: ({ updatedAt }) => <TimeText at={updatedAt} /> },
    {
      key: "act",
      title: "",
      right: true,
      cell: secret => (
        <>
          {may("secrets:update", { name: secret.name }) && (
            <Button size="compact-sm" variant="default" onClick={() => setReplacing(secret)}>
              {words.replace}
            </Button>
          )}{" "}
          {may("secrets:delete", { name: secret.name }) && (
            <ActionIcon aria-label={words.deleteOf(secret.name)} onClick={() => setLeaving(secret)}>
              <TrashIcon />
            </ActionIcon>
          )}
        </>
      ),
    },
  ];
  return (
    <RecordSection
      words={words}
      columns={columns}
      reading={secrets}
      onAdd={may("secrets:create") ? () => setAdding(true) : undefined}
    >
      {adding && <SecretDialog onClose={() => setAdding(false)} />}
      {replacing && <SecretDialog secret={replacing} onClose={() => setReplacing(undefined)} />}
      {leaving && (
        <ConfirmDelete
          title={words.deleteTitle(leaving.name)}
          hint={words.deleteHint}
          act={words.delete}
          remove={() => deleteSecret(leaving.name)}
          stale={SECRETS}
          onClose={() => setLeaving(undefined)}
        />
      )}
    </RecordSection>
  );
}

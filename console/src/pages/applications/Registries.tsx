import { ActionIcon, Button } from "@mantine/core";
import { useState } from "react";
import { deleteRegistry, REGISTRIES, type Registry, useRegistries } from "../../api/workloadData";
import { ConfirmDelete } from "../../parts/ConfirmDelete";
import { TrashIcon } from "../../parts/icons";
import { RecordSection } from "../../parts/RecordSection";
import { TimeText } from "../../parts/TimeText";
import type { Column } from "../../parts/table/columns";
import { useMay } from "../../session/access";
import { useText } from "../../text";
import { RegistryDialog } from "./RegistryDialog";

/** Where images come from, with what devices show there. */
export function Registries() {
  const words = useText().registries;
  const may = useMay();
  const registries = useRegistries();
  const [adding, setAdding] = useState(false);
  const [opened, setOpened] = useState<Registry>();
  const [leaving, setLeaving] = useState<Registry>();
  const columns: Column<Registry>[] = [
    { key: "name", title: words.name, cell: ({ name }) => <strong>{name}</strong> },
    { key: "url", title: words.url, className: "mono", cell: ({ url }) => url },
    {
      key: "username",
      title: words.username,
      cell: ({ username, hasPassword }) =>
        username && (hasPassword ? words.withPassword(username) : username),
    },
    { key: "ca", title: words.ca, cell: ({ ca }) => ca && words.own },
    { key: "changed", title: words.changed, cell: ({ updatedAt }) => <TimeText at={updatedAt} /> },
    {
      key: "act",
      title: "",
      right: true,
      cell: registry => (
        <>
          {may("registries:update") && (
            <Button size="compact-sm" variant="default" onClick={() => setOpened(registry)}>
              {words.edit}
            </Button>
          )}{" "}
          {may("registries:delete") && (
            <ActionIcon
              aria-label={words.deleteOf(registry.name)}
              onClick={() => setLeaving(registry)}
            >
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
      reading={registries}
      onAdd={may("registries:create") ? () => setAdding(true) : undefined}
    >
      {adding && <RegistryDialog onClose={() => setAdding(false)} />}
      {opened && <RegistryDialog registry={opened} onClose={() => setOpened(undefined)} />}
      {leaving && (
        <ConfirmDelete
          title={words.deleteTitle(leaving.name)}
          hint={words.deleteHint}
          act={words.delete}
          remove={() => deleteRegistry(leaving.name)}
          stale={REGISTRIES}
          onClose={() => setLeaving(undefined)}
        />
      )}
    </RecordSection>
  );
}

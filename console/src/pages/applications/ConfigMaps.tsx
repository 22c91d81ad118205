import { ActionIcon, Button } from "@mantine/core";
import { useState } from "react";
import {
  CONFIG_MAPS,
  type ConfigMap,
  deleteConfigMap,
  makeConfigMap,
  replaceConfigMap,
  useConfigMaps,
} from "../../api/workloadData";
import { ConfirmDelete } from "../../parts/ConfirmDelete";
import { DataDialog } from "../../parts/DataDialog";
import { TrashIcon } from "../../parts/icons";
import { RecordSection } from "../../parts/RecordSection";
import { TimeText } from "../../parts/TimeText";
import type { Column } from "../../parts/table/columns";
import { useMay } from "../../session/access";
import { useText } from "../../text";

const LINES = 8;

/** What is mounted or given to services, and moves nothing by itself. */
export function ConfigMaps() {
  const words = useText().configMaps;
  const may = useMay();
  const configMaps = useConfigMaps();
  const [adding, setAdding] = useState(false);
  const [opened, setOpened] = useState<ConfigMap>();
  const [leaving, setLeaving] = useState<ConfigMap>();
  const changes = ({ name }: ConfigMap) => may("config-maps:update", { name });
  const columns: Column<ConfigMap>[] = [
    { key: "name", title: words.name, cell: ({ name }) => <strong>{name}</strong> },
    {
      key: "keys",
      title: words.keys,
      className: "mono",
      cell: ({ data }) => Object.keys(data).join(", "),
    },
    { key: "version", title: words.version, cell: ({ version }) => version },
    { key: "by", title: words.by, cell: ({ createdBy }) => createdBy },
    { key: "changed", title: words.changed, cell: ({ updatedAt }) => <TimeText at={updatedAt} /> },
    {
      key: "act",
      title: "",
      right: true,
      cell: configMap => (
        <>
          <Button size="compact-sm" variant="default" onClick={() => setOpened(configMap)}>
            {changes(configMap) ? words.edit : words.show}
          </Button>{" "}
          {may("config-maps:delete", { name: configMap.name }) && (
            <ActionIcon
              aria-label={words.deleteOf(configMap.name)}
              onClick={() => setLeaving(configMap)}
            >
              <TrashIcon />
            </ActionIcon>
          )}
        </>
      ),
    },
  ];
  const dialog = { stale: CONFIG_MAPS, rows: LINES, mayBeEmpty: true };
  return (
    <RecordSection
      words={words}
      columns={columns}
      reading={configMaps}
      onAdd={may("config-maps:create") ? () => setAdding(true) : undefined}
    >
      {adding && (
        <DataDialog
          {...dialog}
          title={words.addTitle}
          data={{}}
          save={makeConfigMap}
          done={words.made}
          onClose={() => setAdding(false)}
        />
      )}
      {opened && (
        <DataDialog
          {...dialog}
          title={words.titleOf(opened.name, opened.version)}
          hint={words.editHint}
          name={opened.name}
          data={opened.data}
          save={changes(opened) ? replaceConfigMap : undefined}
          done={words.changedTo}
          onClose={() => setOpened(undefined)}
        />
      )}
      {leaving && (
        <ConfirmDelete
          title={words.deleteTitle(leaving.name)}
          hint={words.deleteHint}
          act={words.delete}
          remove={() => deleteConfigMap(leaving.name)}
          stale={CONFIG_MAPS}
          onClose={() => setLeaving(undefined)}
        />
      )}
    </RecordSection>
  );
}

import { ActionIcon, Button, Menu, Modal, Stack } from "@mantine/core";
import { useState } from "react";
import { useChange } from "../../api/change";
import {
  createService,
  deleteService,
  SERVICES,
  type Service,
  useServices,
} from "../../api/organisations";
import { KEYS } from "../../api/users";
import { Bindings } from "../../parts/Bindings";
import { Confirm } from "../../parts/Confirm";
import { Empty } from "../../parts/Empty";
import { KeyIcon, MoreIcon, PlusIcon } from "../../parts/icons";
import { Actions } from "../../parts/Label";
import { NameDialog } from "../../parts/NameDialog";
import { TimeText } from "../../parts/TimeText";
import type { Column } from "../../parts/table/columns";
import { DataTable } from "../../parts/table/DataTable";
import { useMay } from "../../session/access";
import { useText } from "../../text";
import { CreateKey } from "./CreateKey";

type Open = { deed: "key" | "roles" | "delete"; service: Service };

/** Members that nobody signs in as: programs act in their name, by keys. */
export function Services() {
  const text = useText();
  const words = text.users.services;
  const may = useMay();
  const services = useServices();
  const [creating, setCreating] = useState(false);
  const [open, setOpen] = useState<Open | null>(null);
  const close = () => setOpen(null);
  const columns: Column<Service>[] = [
    { key: "name", title: words.name, cell: ({ name }) => <strong>{name}</strong> },
    { key: "role", title: text.users.role, cell: ({ role }) => text.common.roles[role] },
    {
      key: "created",
      title: text.users.created,
      cell: ({ createdAt }) => <TimeText at={createdAt} />,
    },
    {
      key: "actions",
      title: "",
      right: true,
      cell: service => <RowMenu service={service} onOpen={setOpen} />,
    },
  ];
  return (
    <Stack gap="sm">
      {may("service-accounts:create") && (
        <Actions>
          <Button leftSection={<PlusIcon size={14} />} onClick={() => setCreating(true)}>
            {words.create}
          </Button>
        </Actions>
      )}
      <DataTable
        label={text.users.tabs.services}
        columns={columns}
        rows={services.data ?? []}
        keyOf={({ id }) => id}
        marks={({ name }) => ({ "data-service": name })}
        reading={services}
        empty={
          <Empty icon={KeyIcon} title={words.none}>
            <p>{words.noneHint}</p>
          </Empty>
        }
      />
      {creating && (
        <NameDialog
          title={words.create}
          label={words.name}
          act={words.create}
          save={createService}
          stale={[SERVICES]}
          onClose={() => setCreating(false)}
        />
      )}
      {open?.deed === "key" && <CreateKey service={open.service} onClose={close} />}
      {open?.deed === "roles" && (
        <Modal
          opened
          onClose={close}
          title={words.rolesOf(open.service.name)}
          size="xl"
          closeButtonProps={{ "aria-label": text.common.close }}
        >
          <Bindings of={{ kind: "service_account", id: open.service.id }} />
        </Modal>
      )}
      {open?.deed === "delete" && <Delete service={open.service} onClose={close} />}
    </Stack>
  );
}

type RowProps = { service: Service; onOpen: (open: Open) => void };

function RowMenu({ service, onOpen }: RowProps) {
  const text = useText();
  const words = text.users.services;
  const may = useMay();
  return (
    <Menu position="bottom-end">
      <Menu.Target>
        <ActionIcon aria-label={text.users.actions(service.name)}>
          <MoreIcon />
        </ActionIcon>
      </Menu.Target>
      <Menu.Dropdown>
        {may("service-accounts:create") && (
          <Menu.Item onClick={() => onOpen({ deed: "key", service })}>
            {text.users.keys.create}
          </Menu.Item>
        )}
        {may("role-bindings:list") && (
          <Menu.Item onClick={() => onOpen({ deed: "roles", service })}>{words.roles}</Menu.Item>
        )}
        {may("service-accounts:delete") && (
          <Menu.Item color="red" onClick={() => onOpen({ deed: "delete", service })}>
            {text.users.delete}
          </Menu.Item>
        )}
      </Menu.Dropdown>
    </Menu>
  );
}

function Delete({ service, onClose }: { service: Service; onClose: () => void }) {
  const text = useText();
  const change = useChange(() => deleteService(service.id), {
    stale: [SERVICES, KEYS],
    onDone: onClose,
  });
  return (
    <Confirm
      title={text.users.deleteTitle(service.name)}
      act={text.users.delete}
      busy={change.isPending}
      onConfirm={() => change.mutate(undefined)}
      onClose={onClose}
    >
      {text.users.services.deleteHint}
    </Confirm>
  );
}

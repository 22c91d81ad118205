import {
  ActionIcon,
  Button,
  Menu,
  Modal,
  PasswordInput,
  SegmentedControl,
  Stack,
  Switch,
  Textarea,
  TextInput,
} from "@mantine/core";
import { type FormEvent, useState } from "react";
import { useChange } from "../../api/change";
import {
  changeProvider,
  createProvider,
  deleteProvider,
  PROVIDERS,
  type Provider,
  type ProviderDetail,
  type ProviderKind,
  useProvider,
  useProviders,
} from "../../api/providers";
import { Confirm } from "../../parts/Confirm";
import { CopyLine } from "../../parts/CopyLine";
import { Empty } from "../../parts/Empty";
import { KeyIcon, MoreIcon, PlusIcon } from "../../parts/icons";
import { Actions, Hint } from "../../parts/Label";
import { Loading } from "../../parts/Loading";
import { ProblemLine } from "../../parts/ProblemLine";
import type { Column } from "../../parts/table/columns";
import { DataTable } from "../../parts/table/DataTable";
import { useMay } from "../../session/access";
import { useSession } from "../../session/context";
import { useText } from "../../text";
import { bodyOf, FIELDS, type Field, isComplete, type Values, valuesOf } from "./providerFields";

type Open = { deed: "change" | "delete"; provider: Provider };

/** By what people sign in beside a password of the hub. */
export function Providers() {
  const text = useText();
  const words = text.users.providers;
  const may = useMay();
  const { orgId } = useSession();
  const providers = useProviders(orgId);
  const [creating, setCreating] = useState(false);
  const [open, setOpen] = useState<Open | null>(null);
  const close = () => setOpen(null);
  const columns: Column<Provider>[] = [
    { key: "name", title: words.name, cell: ({ name }) => <strong>{name}</strong> },
    { key: "kind", title: words.kind, cell: ({ kind }) => words.kinds[kind] },
    {
      key: "actions",
      title: "",
      right: true,
      cell: provider => <RowMenu provider={provider} onOpen={setOpen} />,
    },
  ];
  return (
    <Stack gap="sm">
      {may("providers:create") && (
        <Actions>
          <Button leftSection={<PlusIcon size={14} />} onClick={() => setCreating(true)}>
            {words.create}
          </Button>
        </Actions>
      )}
      <DataTable
        label={text.users.tabs.providers}
        columns={columns}
        rows={(providers.data ?? []).filter(({ kind }) => kind !== "password")}
        keyOf={({ id }) => id}
        marks={({ name }) => ({ "data-provider": name })}
        reading={providers}
        empty={
          <Empty icon={KeyIcon} title={words.none}>
            <p>{words.noneHint}</p>
          </Empty>
        }
      />
      {creating && <Create onClose={() => setCreating(false)} />}
      {open?.deed === "change" && <Change id={open.provider.id} onClose={close} />}
      {open?.deed === "delete" && <Delete provider={open.provider} onClose={close} />}
    </Stack>
  );
}

function RowMenu(props: { provider: Provider; onOpen: (open: Open) => void }) {
  const { provider, onOpen } = props;
  const text = useText();
  const may = useMay();
  return (
    <Menu position="bottom-end">
      <Menu.Target>
        <ActionIcon aria-label={text.users.actions(provider.name)}>
          <MoreIcon />
        </ActionIcon>
      </Menu.Target>
      <Menu.Dropdown>
        {may("providers:update") && (
          <Menu.Item onClick={() => onOpen({ deed: "change", provider })}>
            {text.users.providers.change}
          </Menu.Item>
        )}
        {may("providers:delete") && (
          <Menu.Item color="red" onClick={() => onOpen({ deed: "delete", provider })}>
            {text.users.delete}
          </Menu.Item>
        )}
      </Menu.Dropdown>
    </Menu>
  );
}

function Create({ onClose }: { onClose: () => void }) {
  const text = useText();
  const words = text.users.providers;
  const [kind, setKind] = useState<ProviderKind>("oidc");
  const [made, setMade] = useState<ProviderDetail | null>(null);
  if (made !== null) {
    return (
      <Frame title={words.made(made.name)} onClose={onClose}>
        <Registered provider={made} />
        <Actions>
          <Button onClick={onClose}>{text.users.keys.done}</Button>
        </Actions>
      </Frame>
    );
  }
  return (
    <Frame title={words.create} onClose={onClose}>
      <SegmentedControl
        aria-label={words.kind}
        value={kind}
        onChange={value => setKind(value === "ldap" ? "ldap" : "oidc")}
        data={[
          { value: "oidc", label: words.kinds.oidc },
          { value: "ldap", label: words.kinds.ldap },
        ]}
      />
      <Form
        key={kind}
        kind={kind}
        name=""
        values={{}}
        hasSecret={false}
        act={words.create}
        save={(name, values) => createProvider({ kind, name, ...bodyOf(kind, values) })}
        onSaved={saved => (saved.kind === "oidc" ? setMade(saved) : onClose())}
        onClose={onClose}
      />
    </Frame>
  );
}

function Change({ id, onClose }: { id: string; onClose: () => void }) {
  const words = useText().users.providers;
  const provider = useProvider(id);
  const { data } = provider;
  return (
    <Frame title={words.change} onClose={onClose}>
      {provider.isError && (
        <ProblemLine error={provider.error} onRetry={() => void provider.refetch()} />
      )}
      {provider.isPending && <Loading height={240} />}
      {data !== undefined && (
        <>
          {data.kind === "oidc" && <Registered provider={data} />}
          <Form
            kind={data.kind}
            name={data.name}
            values={valuesOf(data)}
            hasSecret={data.hasSecret}
            act={words.save}
            save={(name, values) => changeProvider(id, { name, ...bodyOf(data.kind, values) })}
            onSaved={onClose}
            onClose={onClose}
          />
        </>
      )}
    </Frame>
  );
}

/** What the provider has to know of the hub. */
function Registered({ provider }: { provider: ProviderDetail }) {
  const words = useText().users.providers;
  if (provider.startUrl === null) return null;
  const callback = provider.startUrl.replace(/start$/, "callback");
  return (
    <Stack gap={4}>
      <Hint>{words.redirect}</Hint>
      <CopyLine label={words.redirectLabel} line={callback} />
    </Stack>
  );
}

function Frame(props: { title: string; onClose: () => void; children: React.ReactNode }) {
  const { common } = useText();
  return (
    <Modal
      opened
      onClose={props.onClose}
      title={props.title}
      size="lg"
      closeButtonProps={{ "aria-label": common.close }}
    >
      <Stack gap="sm">{props.children}</Stack>
    </Modal>
  );
}

type FormProps = {
  kind: ProviderKind;
  name: string;
  values: Values;
  hasSecret: boolean;
  act: string;
  save: (name: string, values: Values) => Promise<ProviderDetail>;
  onSaved: (saved: ProviderDetail) => void;
  onClose: () => void;
};

function Form(props: FormProps) {
  const text = useText();
  const words = text.users.providers;
  const [name, setName] = useState(props.name);
  const [values, setValues] = useState(props.values);
  const change = useChange(() => props.save(name.trim(), values), {
    stale: [PROVIDERS],
    quiet: true,
    onDone: props.onSaved,
  });
  const ready = name.trim() !== "" && isComplete(props.kind, values, props.hasSecret);
  const submit = (event: FormEvent) => {
    event.preventDefault();
    if (ready) change.mutate(undefined);
  };
  return (
    <form onSubmit={submit} autoComplete="off">
      <Stack gap="sm">
        <TextInput
          label={words.name}
          description={words.nameHint}
          maxLength={256}
          value={name}
          onChange={event => setName(event.currentTarget.value)}
        />
        {FIELDS[props.kind].map(field => (
          <FieldInput
            key={field.name}
            field={field}
            hasSecret={props.hasSecret}
            value={values[field.name]}
            onChange={value => setValues({ ...values, [field.name]: value })}
          />
        ))}
        {change.isError && <ProblemLine error={change.error} />}
        <Actions>
          <Button variant="default" onClick={props.onClose}>
            {text.common.cancel}
          </Button>
          <Button type="submit" disabled={!ready} loading={change.isPending}>
            {props.act}
          </Button>
        </Actions>
      </Stack>
    </form>
  );
}

type FieldProps = {
  field: Field;
  hasSecret: boolean;
  value: string | boolean | undefined;
  onChange: (value: string | boolean) => void;
};

function FieldInput({ field, hasSecret, value, onChange }: FieldProps) {
  const text = useText();
  const words = text.users.providers;
  const label = words.fields[field.name as keyof typeof words.fields];
  const description = words.hints[field.name as keyof typeof words.hints];
  const about = {
    label: field.needed ? label : `${label} (${text.common.optional})`,
    description,
    value: typeof value === "string" ? value : "",
  };
  switch (field.kind) {
    case "switch":
      return (
        <Switch
          label={label}
          description={description}
          checked={value === true}
          onChange={event => onChange(event.currentTarget.checked)}
        />
      );
    case "secret":
      return (
        <PasswordInput
          {...about}
          description={hasSecret ? words.secretKept : description}
          autoComplete="new-password"
          onChange={event => onChange(event.currentTarget.value)}
        />
      );
    case "text":
      return (
        <Textarea
          {...about}
          autosize
          minRows={2}
          maxRows={8}
          onChange={event => onChange(event.currentTarget.value)}
        />
      );
    default:
      return (
        <TextInput
          {...about}
          spellCheck={false}
          inputMode={field.kind === "number" ? "numeric" : "text"}
          onChange={event => onChange(event.currentTarget.value)}
        />
      );
  }
}

function Delete({ provider, onClose }: { provider: Provider; onClose: () => void }) {
  const text = useText();
  const change = useChange(() => deleteProvider(provider.id), {
    stale: [PROVIDERS],
    onDone: onClose,
  });
  return (
    <Confirm
      title={text.users.deleteTitle(provider.name)}
      act={text.users.delete}
      busy={change.isPending}
      onConfirm={() => change.mutate(undefined)}
      onClose={onClose}
    >
      {text.users.providers.deleteHint}
    </Confirm>
  );
}

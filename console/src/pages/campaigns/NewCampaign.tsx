import { Button, Modal, NumberInput, Select, Stack, TextInput } from "@mantine/core";
import { useDebouncedValue } from "@mantine/hooks";
import { useQuery } from "@tanstack/react-query";
import { useNavigate } from "@tanstack/react-router";
import { type FormEvent, useState } from "react";
import { useChange } from "../../api/change";
import { useCommandSpecs } from "../../api/commands/requests";
import { type CommandSpec, commandOf, initialValues, type Values } from "../../api/commands/specs";
import { problemText } from "../../api/problemText";
import { beginRun, type NewRun, previewRun, RUNS } from "../../api/runs";
import { CommandField } from "../../parts/CommandField";
import { AimFields } from "../../parts/campaigns/AimFields";
import { AimSwitch } from "../../parts/campaigns/AimSwitch";
import { type Aim, EMPTY, targetOf } from "../../parts/campaigns/aims";
import campaign from "../../parts/campaigns/campaigns.module.css";
import { TermsInput } from "../../parts/campaigns/TermsInput";
import { CAREFUL, termsOf } from "../../parts/campaigns/terms";
import { Actions } from "../../parts/Label";
import { ProblemLine } from "../../parts/ProblemLine";
import { useMay } from "../../session/access";
import { useText } from "../../text";

/** Software has pages of its own, which know what fits. */
const ELSEWHERE = "update_firmware";
const TYPING_MS = 400;
const APPROVALS = ["none", "first_wave", "each_wave"] as const;
type Approval = (typeof APPROVALS)[number];

/** A command for many devices, in waves. Says whom it would be for before it begins. */
export function NewCampaign({ onClose }: { onClose: () => void }) {
  const text = useText();
  const words = text.campaigns.page;
  const navigate = useNavigate();
  const [name, setName] = useState("");
  const [spec, setSpec] = useState<CommandSpec | null>(null);
  const [values, setValues] = useState<Values>({});
  const [aim, setAim] = useState<Aim>(EMPTY.query);
  const [typed, setTyped] = useState({ ...CAREFUL, soak: 0 as number | string });
  const [retries, setRetries] = useState<number | string>(0);
  const [approval, setApproval] = useState<Approval>("none");
  const [confirmed, setConfirmed] = useState("");
  const read = spec && commandOf(spec, values);
  const target = targetOf(aim);
  const terms = termsOf(typed);
  const body: NewRun | null =
    read === null || target === null || terms === null
      ? null
      : {
          ...terms,
          // Without a soak the command's success is enough.
          ...(terms.soakSeconds === 0 ? { soakSeconds: null } : {}),
          command: read.command as NonNullable<NewRun["command"]>,
          target,
          ...(name.trim() === "" ? {} : { name: name.trim() }),
          ...(approval === "none" ? {} : { approval }),
          ...(retries ? { retries: Number(retries) } : {}),
        };
  const complete = body !== null && Object.keys(read?.problems ?? {}).length === 0;
  const preview = usePreview(complete ? body : null);
  const total = preview.data?.count ?? 0;
  const sure = total === 1 || confirmed.trim() === String(total);
  const ready = complete && total > 0 && !preview.waits;
  const begin = useChange((wanted: NewRun) => beginRun(wanted), {
    stale: [RUNS],
    quiet: true,
    onDone: campaignId => void navigate({ to: "/campaigns/$campaignId", params: { campaignId } }),
  });
  const submit = (event: FormEvent) => {
    event.preventDefault();
    if (ready && sure && body !== null) begin.mutate(body);
  };
  return (
    <Modal
      opened
      onClose={onClose}
      size={760}
      title={words.newTitle}
      closeButtonProps={{ "aria-label": text.common.close }}
    >
      <form onSubmit={submit} noValidate>
        <Stack gap="sm">
          <TextInput
            label={words.name}
            description={words.nameHint}
            maxLength={128}
            value={name}
            onChange={event => setName(event.currentTarget.value)}
          />
          <CommandChoice
            spec={spec}
            onChange={chosen => {
              setSpec(chosen);
              setValues(chosen === null ? {} : initialValues(chosen));
            }}
          />
          {spec?.fields.map(field => (
            <CommandField
              key={`${spec.type} ${field.name}`}
              field={field}
              value={values[field.name] ?? ""}
              problem={undefined}
              onChange={value => setValues({ ...values, [field.name]: value })}
            />
          ))}
          <AimInput
            aim={aim}
            onChange={setAim}
            error={preview.error === null ? null : problemText(preview.error, text)}
          />
          <div className={campaign.preview} role="status">
            <strong>{preview.waits ? words.counting : text.campaigns.hit(total)}</strong>
            {(preview.data?.refused ?? 0) > 0 && (
              <span className="dim">{words.refused(preview.data?.refused ?? 0)}</span>
            )}
          </div>
          <TermsInput
            terms={typed}
            total={preview.data?.count ?? null}
            onChange={next => setTyped({ ...next })}
          >
            <NumberInput
              label={words.retries}
              description={words.retriesHint}
              min={0}
              max={5}
              hideControls
              allowDecimal={false}
              value={retries}
              onChange={setRetries}
            />
            <Select
              label={words.approval}
              allowDeselect={false}
              value={approval}
              onChange={value => setApproval((value ?? "none") as Approval)}
              data={APPROVALS.map(value => ({ value, label: words.approvals[value] }))}
            />
          </TermsInput>
          {ready && total > 1 && (
            <TextInput
              label={text.commands.form.typeCount(total)}
              autoComplete="off"
              inputMode="numeric"
              value={confirmed}
              onChange={event => setConfirmed(event.currentTarget.value)}
            />
          )}
          {begin.isError && <ProblemLine error={begin.error} />}
          <Actions>
            <Button variant="default" onClick={onClose}>
              {text.common.cancel}
            </Button>
            <Button type="submit" loading={begin.isPending} disabled={!ready || !sure}>
              {ready ? words.beginFor(total) : words.begin}
            </Button>
          </Actions>
        </Stack>
      </form>
    </Modal>
  );
}

/** What the hub says of it, once nobody types any more. */
function usePreview(body: NewRun | null) {
  const wanted = body === null ? "" : JSON.stringify(body);
  const [asked] = useDebouncedValue(wanted, TYPING_MS);
  const found = useQuery({
    queryKey: ["campaign-preview", asked],
    enabled: asked !== "",
    retry: false,
    queryFn: () => previewRun(JSON.parse(asked) as NewRun),
  });
  const isIt = wanted !== "" && wanted === asked;
  return {
    data: isIt ? found.data : undefined,
    error: isIt ? found.error : null,
    waits: wanted !== "" && (!isIt || found.isFetching),
  };
}

type ChoiceProps = { spec: CommandSpec | null; onChange: (spec: CommandSpec | null) => void };

function CommandChoice({ spec, onChange }: ChoiceProps) {
  const words = useText().commands.form;
  const specs = useCommandSpecs();
  const may = useMay();
  const offered = (specs.data ?? []).filter(
    ({ type }) => type !== ELSEWHERE && may(`commands/${type}:create`),
  );
  if (specs.isError)
    return <ProblemLine error={specs.error} onRetry={() => void specs.refetch()} />;
  return (
    <Select
      label={words.command}
      placeholder={words.choose}
      description={spec?.description.replaceAll("`", "")}
      inputWrapperOrder={["label", "input", "description"]}
      searchable
      data-autofocus
      value={spec?.type ?? null}
      onChange={type => onChange(offered.find(one => one.type === type) ?? null)}
      data={offered.map(one => ({ value: one.type, label: one.title }))}
    />
  );
}

type AimProps = { aim: Aim; onChange: (aim: Aim) => void; error: string | null };

function AimInput({ aim, onChange, error }: AimProps) {
  const { aims } = useText().campaigns;
  return (
    <AimSwitch
      by={aim.by}
      ways={[
        ["query", aims.query],
        ["group", aims.group],
        ["devices", aims.devices],
      ]}
      onChange={by => onChange(EMPTY[by])}
    >
      <AimFields aim={aim} onChange={onChange} error={error} />
    </AimSwitch>
  );
}

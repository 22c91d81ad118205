import { Button, Checkbox, Modal, Select, Stack, TextInput } from "@mantine/core";
import { useNavigate } from "@tanstack/react-router";
import { type FormEvent, useState } from "react";
import type { Application } from "../../api/applications";
import { useChange } from "../../api/change";
import { problemText } from "../../api/problemText";
import { beginRollOut, ROLLOUTS } from "../../api/rollOuts";
import { fleet } from "../../live/fleet";
import { AimFields } from "../../parts/campaigns/AimFields";
import { AimSwitch } from "../../parts/campaigns/AimSwitch";
import campaign from "../../parts/campaigns/campaigns.module.css";
import { TermsInput } from "../../parts/campaigns/TermsInput";
import { CAREFUL, termsOf } from "../../parts/campaigns/terms";
import { Actions } from "../../parts/Label";
import { ProblemLine } from "../../parts/ProblemLine";
import { useRevisionOptions } from "../../parts/revisions";
import { useText } from "../../text";
import { type Aim, EMPTY, targetOf } from "./aims";
import { useReach } from "./useReach";

/** In the place of a revision: the present content with the present data. */
const REFRESH = "refresh";

type Props = {
  application: Application;
  /** The one that is meant at first; null: the newest. */
  revision: string | null;
  onClose: () => void;
};

/** Which revision goes to whom, in which steps. Says how many are reached before it begins. */
export function RollOutDialog({ application, revision: asked, onClose }: Props) {
  const text = useText();
  const words = text.applications;
  const navigate = useNavigate();
  const revisions = useRevisionOptions(application);
  const { name } = application;
  const [choice, setChoice] = useState(asked);
  const chosen = choice ?? revisions.options[0]?.value ?? null;
  const [aim, setAim] = useState<Aim>(EMPTY.all);
  const [typed, setTyped] = useState(CAREFUL);
  const [approval, setApproval] = useState(false);
  const [confirmed, setConfirmed] = useState("");
  const { ids, error } = useReach(name, aim);

  const target = targetOf(aim);
  const terms = termsOf(typed);
  const total = ids?.length ?? 0;
  const away = ids?.filter(id => fleet.device(id)?.connected === false).length ?? 0;
  const ready = chosen !== null && target !== null && terms !== null && total > 0;
  const sure = total === 1 || confirmed.trim() === String(total);
  const begin = useChange(
    () =>
      beginRollOut(name, {
        ...(chosen === REFRESH ? { refresh: true } : { revision: chosen }),
        target: target ?? {},
        ...terms,
        approval,
      }),
    {
      stale: [[ROLLOUTS, name]],
      quiet: true,
      onDone: rollOutId =>
        void navigate({
          to: "/applications/$name/rollouts/$rollOutId",
          params: { name, rollOutId },
        }),
    },
  );
  const submit = (event: FormEvent) => {
    event.preventDefault();
    if (ready && sure) begin.mutate(undefined);
  };

  return (
    <Modal
      opened
      onClose={onClose}
      size={760}
      title={words.rollOutOf(name)}
      closeButtonProps={{ "aria-label": text.common.close }}
    >
      <form onSubmit={submit} noValidate>
        <Stack gap="sm">
          <Select
            label={words.revision}
            placeholder={words.chooseRevision}
            data-autofocus
            openOnFocus={false}
            allowDeselect={false}
            value={chosen}
            onChange={setChoice}
            data={[...revisions.options, { value: REFRESH, label: words.refresh }]}
          />
          {revisions.isError && <ProblemLine error={revisions.error} />}
          <AimInput
            aim={aim}
            onChange={setAim}
            error={error === null ? null : problemText(error, text)}
          />
          <div className={campaign.preview} role="status">
            <strong>{ids === null ? words.counting : text.campaigns.hit(total)}</strong>
            {away > 0 && <span className="dim">{text.campaigns.away(away)}</span>}
          </div>
          <TermsInput terms={typed} total={ids === null ? null : total} onChange={setTyped} />
          <Checkbox
            label={words.askApproval}
            description={words.askApprovalHint}
            checked={approval}
            onChange={event => setApproval(event.currentTarget.checked)}
          />
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
              {ready ? words.rollOutTo(total) : words.rollOutDo}
            </Button>
          </Actions>
        </Stack>
      </form>
    </Modal>
  );
}

type AimProps = { aim: Aim; onChange: (aim: Aim) => void; error: string | null };

function AimInput({ aim, onChange, error }: AimProps) {
  const { applications, campaigns } = useText();
  return (
    <AimSwitch
      by={aim.by}
      ways={[
        ["all", applications.aims.all],
        ["group", campaigns.aims.group],
        ["query", campaigns.aims.query],
        ["devices", campaigns.aims.devices],
      ]}
      onChange={by => onChange(EMPTY[by])}
    >
      {aim.by !== "all" && <AimFields aim={aim} onChange={onChange} error={error} />}
      {aim.by === "all" && error && <ProblemLine error={new Error(error)} />}
    </AimSwitch>
  );
}

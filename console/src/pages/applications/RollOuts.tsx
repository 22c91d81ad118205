import { Link } from "@tanstack/react-router";
import { CampaignList } from "../../parts/campaigns/CampaignList";
import { Hint } from "../../parts/Label";
import { Section } from "../../parts/Page";
import { shortOf } from "../../parts/revisions";
import { useText } from "../../text";
import { useRollOuts } from "./useRollOuts";

/** The roll-outs of an application, the newest first. */
export function RollOuts({ name }: { name: string }) {
  const words = useText().applications;
  return (
    <Section title={words.rollOuts} flush>
      <CampaignList
        bare
        label={words.rollOuts}
        list={useRollOuts(name)}
        titleOf={({ revision }) => shortOf(revision)}
        link={({ id }, className, content) => (
          <Link
            to="/applications/$name/rollouts/$rollOutId"
            params={{ name, rollOutId: id }}
            className={className}
          >
            {content}
          </Link>
        )}
        empty={<Hint>{words.noRollOuts}</Hint>}
      />
    </Section>
  );
}

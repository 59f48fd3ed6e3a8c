"""The parts about the pipeline: services, log, throughput, tokens, plan, ages, past forecasts and runs of reports."""

from __future__ import annotations

import time

from arbkit.core.formatting import count
from arbkit.core.settings import Settings
from arbkit.sources.keepa_api.token_budget import Tokens
from arbkit.sources.keepa_api.token_costs import tokens_of_look
from arbkit.web.dashboards.content import Field, Region, UserEvent
from arbkit.web.dashboards.part import Part, Slot, StorePart
from arbkit.web.dashboards.pipeline.charts import ages_figure, throughput_figure, tokens_figure
from arbkit.web.dashboards.pipeline.html import (
    ages_html,
    forecasts_html,
    lag_html,
    paragraph_html,
    runs_html,
    services_html,
    throughput_words,
    tokens_html,
)
from arbkit.web.dashboards.pipeline.shown_plan import ShownPlan, plan_html
from arbkit.web.dashboards.pipeline.state import PipelineState


class PipelinePart(StorePart):
    """A part about the pipeline; it draws again only what was read again."""

    SUBJECT = PipelineState

    _drawn: object = None

    @property
    def subject(self) -> PipelineState | None:
        """What is known; None: the part is of no page."""
        return None if self.page is None else self.page.subject(PipelineState)

    def show_empty(self) -> bool:
        """Stay as it is: what the store does not answer the part says itself."""
        return False

    def _is_news(self, known: object) -> bool:
        before, self._drawn = self._drawn, known
        return known is not before

    def _say_fault(self, shown: PipelineState, name: str) -> None:
        """Why nothing is known yet."""
        if name in shown.refused:
            self.widget.show_html(self.region, paragraph_html(f"{shown.refused[name]}."))


class ChartedPart(PipelinePart):
    """A part that has a chart of its own below it."""

    CHART: Region

    def __init__(self, settings: Settings | None = None) -> None:
        super().__init__(settings)
        self._chart = Slot(self.CHART, self)

    @property
    def parts(self) -> tuple[Part, ...]:
        """The part and its chart."""
        return self, self._chart


class Services(PipelinePart):
    """Each service, its state, how that is known, and what to do."""

    REGION = Region("services", "html", title="Services", waiting="Checking the services …")

    def follow(self, shown: PipelineState) -> None:
        """Show the services."""
        if shown.known.services is not None and self._is_news(shown.known.services):
            self.widget.show_html(self.region, services_html(shown.known.services))


class LogLag(PipelinePart):
    """How far each group is behind, by partition."""

    REGION = Region("lag", "html", title="Log", waiting="Asking the log …")

    def follow(self, shown: PipelineState) -> None:
        """Show the log, or why nothing is known of it."""
        if shown.known.state is None:
            self._say_fault(shown, "log")
        elif self._is_news(shown.known.state):
            self.widget.show_html(self.region, lag_html(shown.known.state))


class LogThroughput(ChartedPart):
    """How many records are published and enriched a minute, in words and over time."""

    REGION = Region("pace", "html", title="Throughput", waiting="Available after the next refresh …")
    CHART = Region("pacechart", "chart")

    def warm_up(self) -> None:
        """Have plotly ready."""
        throughput_figure(()).to_json()

    def follow(self, shown: PipelineState) -> None:
        """Show what was observed."""
        if shown.known.state is None or not self._is_news(shown.known.state):
            return
        words = throughput_words(shown.through)
        self.widget.show_html(self.region, paragraph_html(words))
        if shown.through.paces:
            self.widget.draw(self._chart.region, throughput_figure(shown.through.paces), label=words)


class KeepaTokens(ChartedPart):
    """How many tokens there are, when there will be as many as one asks for, and a forecast."""

    REGION = Region("tokens", "html", title="Keepa tokens", waiting="Reading the producer's state …")
    CHART = Region("tokenchart", "chart")

    def __init__(self, settings: Settings | None = None) -> None:
        super().__init__(settings)
        self._need = Slot(Region("need", "form"), self)
        self._charted: tuple[object, ...] | None = None

    @property
    def parts(self) -> tuple[Part, ...]:
        """The words, the question and the chart."""
        return self, self._need, self._chart

    def warm_up(self) -> None:
        """Have plotly ready."""
        tokens_figure((), (), needed=None).to_json()

    def follow(self, shown: PipelineState) -> None:
        """Show what is known of the tokens, and the question."""
        self._ask(shown)
        if shown.known.services is None:
            return
        tokens, now = shown.known.tokens, time.time()
        self.widget.show_html(self.region, tokens_html(tokens, needed=shown.needed, now=now))
        if tokens is None:
            self._charted = None
            self._chart.hide()
            return
        forecast = tokens.forecast(now)
        # Making a figure takes a tenth of a second: only where it is another one.
        charted = tokens.at, forecast[1:], shown.needed
        if charted == self._charted:
            return
        self._charted = charted
        figure = tokens_figure(shown.observed_tokens, forecast, needed=shown.needed)
        words = f"Forecast of the tokens: {tokens.left_words(now)} now, {count(tokens.full)} at most"
        self.widget.draw(self._chart.region, figure, label=words)

    def handle(self, event: UserEvent) -> bool:
        """Ask about another number of tokens."""
        if self.page is None or self.subject is None or event["type"] != "form":
            return False
        self.subject.need(str(event["values"]["tokens"]))
        self.follow(self.subject)
        self.page.show_address()
        return True

    def _ask(self, shown: PipelineState) -> None:
        field: Field = {
            "name": "tokens", "label": "When will I have … tokens?", "kind": "number", "placeholder": "900",
            "value": shown.needed_text, "wrong": shown.wrong,
            "hint": f"A product with its buy box costs {tokens_of_look(buybox=True)} tokens",
        }  # fmt: skip
        self.widget.show_form(self._need.region, [field])


class LookPlan(PipelinePart):
    """What is looked at next and why, how old prices are and may get, and what stands in the way."""

    REGION = Region("plan", "html", title="Next looks", waiting="Reading the plan …")
    _seen: tuple[ShownPlan | None, Tokens | None, float | None] = (None, None, None)

    def follow(self, shown: PipelineState) -> None:
        """Show the plan once it is read."""
        oldest_at = None if shown.stored is None else shown.stored.stats.oldest_at
        tokens = shown.known.tokens
        seen = shown.plan, tokens, oldest_at
        if shown.plan is not None and seen != self._seen:
            self._seen = seen
            html = plan_html(shown.plan, tokens=tokens, oldest_at=oldest_at, now=time.time())
            self.widget.show_html(self.region, html)


class OfferAges(ChartedPart):
    """How old the offers of each marketplace are."""

    REGION = Region("ages", "html", title="Age of the offers", waiting="Asking the store …")
    CHART = Region("agechart", "chart")

    def warm_up(self) -> None:
        """Have plotly ready."""
        ages_figure({}).to_json()

    def follow(self, shown: PipelineState) -> None:
        """Show the ages, or why nothing is known of them."""
        ages = shown.known.ages
        if ages is None:
            self._say_fault(shown, "store")
        elif self._is_news(ages):
            self.widget.show_html(self.region, ages_html(ages))
            if not ages:
                self._chart.hide()
                return
            label = f"{count(sum(map(sum, ages.values())))} offers by age, a bar for each marketplace"
            self.widget.draw(self._chart.region, ages_figure(ages), label=label)


class PastForecasts(PipelinePart):
    """How forecasts that were shown have come out."""

    REGION = Region("forecasts", "html", title="Past forecasts", waiting="Asking the store …")

    def follow(self, shown: PipelineState) -> None:
        """Show the record, or why nothing is known of it."""
        if shown.stored is None:
            self._say_fault(shown, "store")
        elif self._is_news(shown.stored):
            html = forecasts_html(shown.stored.forecasts, is_recalibrated=self.settings.recalibrate)
            self.widget.show_html(self.region, html)


class ReportRuns(PipelinePart):
    """The runs of reports with their results, and notebooks that can be no report."""

    REGION = Region("runs", "html", title="Reports", waiting="Asking the store …")

    def follow(self, shown: PipelineState) -> None:
        """Show the runs, or why nothing is known of them."""
        if (found := shown.stored) is None:
            self._say_fault(shown, "store")
        elif self._is_news(found):
            limit_s = self.settings.report_time_limit
            html = runs_html(found.runs, found.bad_notebooks, now=time.time(), limit_s=limit_s)
            self.widget.show_html(self.region, html)

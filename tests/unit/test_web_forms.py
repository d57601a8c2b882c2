"""Every route that changes something: without this server's token nothing reaches its handler."""

import pytest
from starlette.routing import Route

from registry_pipeline.web import forms
from tests.support.desk import Browser
from tests.support.registry_home import small_home


@pytest.fixture(scope="module")
def browser(tmp_path_factory: pytest.TempPathFactory) -> Browser:
    return Browser(small_home(tmp_path_factory.mktemp("desk")))


@pytest.mark.parametrize("route", forms.ROUTES, ids=lambda route: route.path)
@pytest.mark.parametrize("token", ["", "0" * 64])
def test_a_form_without_this_servers_token_is_refused(browser: Browser, route: Route, token: str) -> None:
    path = route.path.replace("{finding_id}", "F1")
    status, _, body = browser.post(path, [("csrf", token)])
    assert (status, "does not come from this page" in body) == (403, True)


def test_every_handler_of_a_form_is_behind_the_token() -> None:
    assert {route.endpoint for route in forms.ROUTES} <= {
        value for value in vars(forms).values() if hasattr(value, "__wrapped__")
    }


def test_an_unknown_finding_is_refused_by_the_handler_itself(browser: Browser) -> None:
    """The token is right here: what answers is the handler."""
    assert browser.post("/finding/F1", [])[0] in (404, 422)

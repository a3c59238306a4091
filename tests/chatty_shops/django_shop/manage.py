"""``manage.py migrate``, ``seed`` and ``serve PORT`` of a shop as Django shops are."""

from __future__ import annotations

import os
import sys


def main() -> None:
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "shop.settings")
    if sys.argv[1] == "serve":
        from django.core.wsgi import get_wsgi_application
        from waitress import serve

        serve(get_wsgi_application(), host="127.0.0.1", port=int(sys.argv[2]), threads=4)
        return
    if sys.argv[1] == "seed":
        import django

        django.setup()
        from shop.seed import seed

        seed()
        return
    from django.core.management import execute_from_command_line

    execute_from_command_line(sys.argv)


if __name__ == "__main__":
    main()

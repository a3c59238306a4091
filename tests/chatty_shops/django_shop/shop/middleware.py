from shop.models import Audit, Flag, Setting


def configuration(get_response):
    """Settings and flags from their tables, in every request."""

    def middleware(request):
        names = ("setting-1", "setting-7", "setting-20")
        request.settings = {name: Setting.objects.get(name=name).value for name in names}
        request.flags = {flag.name for flag in Flag.objects.filter(everyone=True)}
        return get_response(request)

    return middleware


def audit(get_response):
    """Who asked for what, and how it was answered."""

    def middleware(request):
        user = request.user if request.user.is_authenticated else None
        entry = Audit.objects.create(user=user, path=request.path)
        response = get_response(request)
        entry.status = response.status_code
        entry.save(update_fields=["status"])
        return response

    return middleware
